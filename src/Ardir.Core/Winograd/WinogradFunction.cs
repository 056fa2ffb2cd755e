namespace Ardir.Core;

/// <summary>The convolution with its gradient for the input. The arguments are the input [N,C,H,W], the transformed weights as from
/// <see cref="WinogradKernel.Transform(Tensor)"/>, the weights [K,C,3,3] themselves, and the bias [K] or null.</summary>
/// <remarks>The weights of the gradient are transformed in each backward pass: that takes a small part of its time, and keeping them would
/// double the memory.</remarks>
internal sealed class WinogradFunction : autograd.SingleTensorFunction<WinogradFunction>
{
    // libtorch reads the gradient after the function has returned, so it is freed by the next call on the thread, or at the end of its
    // scope.
    [ThreadStatic]
    private static Tensor? _returned;

    [ThreadStatic]
    private static Exception? _failure;

    public override string Name => nameof(WinogradFunction);

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
            "The gradient of a convolution could not be computed by Winograd's algorithm, so those of the last backward pass are wrong. " +
            cause.Message, cause);
    }

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        Release();
        ctx.set_materialize_grads(false);
        ctx.save_for_backward([(Tensor)vars[2]]);
        var (kernel, bias) = ((Tensor)vars[2], vars[3] as Tensor);
        return WinogradConvolution.Compute((Tensor)vars[0], (FloatBlock)vars[1], kernel.shape[0], bias);
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
            var turned = WinogradKernel.TransformForGradient(saved[0]);
            // The second derivative is that of the convolution which this is.
            _returned = is_grad_enabled() && outer.requires_grad
                ? apply(outer, turned, WinogradKernel.ForGradient(saved[0]), null!)
                : WinogradConvolution.Compute(outer, turned, saved[0].shape[1], bias: null);
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
            if (!ThreadUses.Any) WinogradWorkspace.Release();
        }
    }
}
