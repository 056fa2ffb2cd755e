namespace Ardir.Core;

/// <summary>A convolution with its gradient for the input. The arguments are the input, the <see cref="IConvolutionPass"/>, its weights
/// and the bias or null.</summary>
internal sealed class ConvolutionFunction : autograd.SingleTensorFunction<ConvolutionFunction>
{
    private const string Gradient = "gradient";

    // libtorch reads the gradient after the function has returned, so it is freed by the next call on the thread, or at the end of its
    // scope.
    [ThreadStatic]
    private static Tensor? _returned;

    [ThreadStatic]
    private static Exception? _failure;

    public override string Name => nameof(ConvolutionFunction);

    /// <summary>Frees what the last backward pass of this thread has returned.</summary>
    public static void Release()
    {
        _returned?.Dispose();
        _returned = null;
    }

    /// <summary>Throws what made the last backward pass of this thread fail.</summary>
    public static void ThrowIfFailed()
    {
        if (_failure is not { } cause) return;
        _failure = null;
        throw new InvalidOperationException(
            "The gradient of a convolution could not be computed within a WinogradScope, so those of the last backward pass are wrong. " +
            cause.Message, cause);
    }

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        Release();
        var (input, pass, kernel, bias) = ((Tensor)vars[0], (IConvolutionPass)vars[1], (Tensor)vars[2], vars[3] as Tensor);
        ctx.set_materialize_grads(false);
        ctx.save_for_backward([kernel]);
        ctx.save_data(Gradient, pass.Gradient(input.shape));
        return pass.Compute(input, kernel, bias);
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        Release();
        // TorchSharp made this for the call and leaves it to the garbage collector, which comes too late for memory of this size.
        using var outer = grad_output;
        if (outer is null or { IsInvalid: true }) return [null!, null!, null!, null!];
        List<Tensor> saved = [];
        try
        {
            using var scope = NewDisposeScope();
            saved = ctx.get_saved_variables();
            var pass = (IConvolutionPass)ctx.get_data(Gradient);
            // The second derivative is that of the convolution which this is.
            _returned = is_grad_enabled() && outer.requires_grad
                ? apply(outer, pass, saved[0], null!)
                : pass.Compute(outer, saved[0], bias: null);
            _returned.DetachFromDisposeScope();
            return [_returned, null!, null!, null!];
        }
        catch (Exception e)
        {
            // One that leaves through libtorch, such as that there is no more memory, would end the process. The next pass throws it.
            _failure = e;
            return [null!, null!, null!, null!];
        }
        finally
        {
            foreach (var tensor in saved) tensor.Dispose();
            // After the scope nobody else would free it.
            if (!ThreadUses.Any) ConvolutionWorkspace.Release();
        }
    }
}
