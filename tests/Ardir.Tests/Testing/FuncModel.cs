namespace Ardir.Tests;

/// <summary>A model from a function, optionally around a child so that modes can be seen.</summary>
internal sealed class FuncModel : nn.Module<Tensor, Tensor>
{
    private readonly Func<Tensor, Tensor> _forward;

    public FuncModel(Func<Tensor, Tensor> forward, nn.Module? child = null) : base(nameof(FuncModel))
    {
        _forward = forward;
        if (child is not null) register_module("child", child);
    }

    public override Tensor forward(Tensor input) => _forward(input);
}
