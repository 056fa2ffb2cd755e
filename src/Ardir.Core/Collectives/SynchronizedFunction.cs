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
        var inverse = (variance + layer.Epsilon).rsqrt();
        var result = (values - SynchronizedLayer.Broad(mean, values)) * SynchronizedLayer.Broad(inverse, values);
        if (weight is not null) result.mul_(SynchronizedLayer.Broad(weight, values));
        if (bias is not null) result.add_(SynchronizedLayer.Broad(bias, values));
        ctx.save_data(Layer, layer);
        ctx.save_for_backward([input, Kept(count), Kept(mean), Kept(inverse), weight!]);
        return result.to(input.dtype).MoveToOuterDisposeScope();
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        var layer = (SynchronizedLayer)ctx.get_data(Layer);
        try
        {
            return Gradients(ctx.get_saved_variables(), grad_output, layer);
        }
        catch (Exception e)
        {
            // An exception that leaves through libtorch would end the process.
            layer.Owner.Failed(e);
            return [null!, null!, null!, null!];
        }
    }

    private static List<Tensor> Gradients(List<Tensor> saved, Tensor gradient, SynchronizedLayer layer)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        foreach (var tensor in saved) tensor?.MoveToOuterDisposeScope();
        var (input, count, mean, inverse, weight) = (saved[0], saved[1], saved[2], saved[3], saved[4]);
        var (values, outer) = (Wide(input), Wide(gradient));
        var dimensions = SynchronizedLayer.Others(values);
        var centred = values - SynchronizedLayer.Broad(mean, values);
        var (sum, product) = (outer.sum(dimensions), (outer * centred).sum(dimensions));
        // Those of the parameters stay this rank's own: they are summed over the ranks with all other gradients.
        var ofWeight = weight is null ? null : (product * inverse).to(weight.dtype).DetachFromDisposeScope();
        var ofBias = weight is null ? null : sum.to(weight.dtype, copy: true).DetachFromDisposeScope();
        var both = stack([sum, product]);
        layer.Owner.Collective.AllReduce(both);
        var means = both / count;
        var slope = SynchronizedLayer.Broad(inverse.square() * means[1], values);
        var scale = SynchronizedLayer.Broad(weight is null ? inverse : inverse * weight, values);
        var exact = (outer - SynchronizedLayer.Broad(means[0], values) - centred * slope) * scale;
        var ofInput = exact.to(input.dtype).DetachFromDisposeScope();
        layer.Owner.Hold(ofInput, ofWeight, ofBias);
        foreach (var tensor in saved) tensor?.Dispose();
        return [ofInput, ofWeight!, ofBias!, null!];
    }

    // libtorch keeps what is saved when forward has returned.
    private static Tensor Kept(Tensor tensor) => tensor.MoveToOuterDisposeScope();

    private static Tensor Wide(Tensor values) =>
        values.dtype is ScalarType.Float16 or ScalarType.BFloat16 ? values.to(ScalarType.Float32) : values;
}
