namespace Ardir.Core;

/// <summary>Batch norm in train mode over the batches of all ranks, with its gradient. The arguments are the batch [N,C,...], weight and
/// bias (or null) and the layer.</summary>
internal sealed class SynchronizedFunction : autograd.SingleTensorFunction<SynchronizedFunction>
{
    private const string Layer = "layer";

    public override string Name => nameof(SynchronizedFunction);

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        using var scope = NewDisposeScope();
        var (input, weight, bias, layer) = ((Tensor)vars[0], vars[1] as Tensor, vars[2] as Tensor, (SynchronizedLayer)vars[3]);
        var values = Wide(input);
        var (count, mean, variance) = layer.Measure(values);
        var result = Normalized(values, mean, variance, (weight, bias), layer.Epsilon);
        ctx.save_data(Layer, layer);
        ctx.save_for_backward([input, Kept(count), Kept(mean), Kept(variance), weight!]);
        return result.to(input.dtype).MoveToOuterDisposeScope();
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        var layer = (SynchronizedLayer)ctx.get_data(Layer);
        // TorchSharp made this for the call and leaves it to the garbage collector, which comes too late for memory of this size.
        using var outer = grad_output;
        try
        {
            if (is_grad_enabled()) throw new NotSupportedException(SynchronizedBatchNorm.NoSecondDerivatives);
            // After a failure the ranks are no longer at the same layer, so nothing more is exchanged.
            if (layer.Owner.Failure is null) return Gradients(ctx.get_saved_variables(), outer, layer);
        }
        catch (Exception e)
        {
            // An exception that leaves through libtorch would end the process.
            layer.Owner.Failed(e);
        }
        using var noGrad = no_grad();
        // Not null: the functions before this one do not all take a gradient that is missing.
        var nothing = zeros_like(outer).DetachFromDisposeScope();
        layer.Owner.Hold(nothing);
        return [nothing, null!, null!, null!];
    }

    private static List<Tensor> Gradients(List<Tensor> saved, Tensor gradient, SynchronizedLayer layer)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        foreach (var tensor in saved) tensor?.MoveToOuterDisposeScope();
        var (input, count, mean, variance, weight) = (saved[0], saved[1], saved[2], saved[3], saved[4]);
        var (values, outer) = (Wide(input), Wide(gradient));
        var dimensions = SynchronizedLayer.Others(values);
        var sum = outer.sum(dimensions);
        var product = Normalized(values, mean, variance, (null, null), layer.Epsilon).mul_(outer).sum(dimensions);
        // Those of the parameters stay this rank's own: they are summed over the ranks with all other gradients.
        var ofWeight = weight is null ? null : product.to(weight.dtype, copy: true).DetachFromDisposeScope();
        var ofBias = weight is null ? null : sum.to(weight.dtype, copy: true).DetachFromDisposeScope();
        var both = stack([sum, product]);
        layer.Owner.Collective.AllReduce(both);
        var means = both / count;
        var scale = (variance + layer.Epsilon).rsqrt();
        if (weight is not null) scale.mul_(weight);
        // (outer - mean of outer - normalized * mean of their product) * scale: two batch norms without a bias.
        var exact = Normalized(outer, means[0], variance, (weight, null), layer.Epsilon);
        exact.sub_(Normalized(values, mean, variance, (means[1] * scale, null), layer.Epsilon));
        var ofInput = exact.to(input.dtype).DetachFromDisposeScope();
        layer.Owner.Hold(ofInput, ofWeight, ofBias);
        foreach (var tensor in saved) tensor?.Dispose();
        return [ofInput, ofWeight!, ofBias!, null!];
    }

    // One pass of a native kernel, where a few operations on whole tensors would each read and write them.
    private static Tensor Normalized(Tensor values, Tensor mean, Tensor variance, (Tensor? Weight, Tensor? Bias) affine, double epsilon) =>
        nn.functional.batch_norm(
            values, mean, variance, affine.Weight?.to(values.dtype)!, affine.Bias?.to(values.dtype)!, training: false, momentum: 0,
            eps: epsilon);

    // libtorch keeps what is saved when forward has returned.
    private static Tensor Kept(Tensor tensor) => tensor.MoveToOuterDisposeScope();

    private static Tensor Wide(Tensor values) =>
        values.dtype is ScalarType.Float16 or ScalarType.BFloat16 ? values.to(ScalarType.Float32) : values;
}
