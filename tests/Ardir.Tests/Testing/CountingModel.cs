namespace Ardir.Tests;

/// <summary>Counts, independently of the library, what goes forward and backward through a model.</summary>
internal sealed class CountingModel(nn.Module<Tensor, Tensor> inner) : IModule
{
    public List<long> Forwards { get; } = [];

    public List<long> Backwards { get; } = [];

    public long SampleForwards => Forwards.Sum();

    public long SampleBackwards => Backwards.Sum();

    public Tensor call(Tensor input1)
    {
        Forwards.Add(input1.shape[0]);
        return inner.call(CountBackward.apply(input1, Backwards));
    }

    /// <summary>The identity, whose backward pass leaves a note.</summary>
    private sealed class CountBackward : autograd.SingleTensorFunction<CountBackward>
    {
        public override string Name => nameof(CountBackward);

        public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
        {
            ctx.save_data("notes", vars[1]);
            return ((Tensor)vars[0]).clone();
        }

        public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
        {
            ((List<long>)ctx.get_data("notes")).Add(grad_output.shape[0]);
            return [grad_output, null!];
        }
    }
}
