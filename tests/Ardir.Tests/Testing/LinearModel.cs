using TorchSharp.Modules;

namespace Ardir.Tests;

/// <summary>logits = W x + b over flattened images: every attack on it has a closed form.</summary>
internal sealed class LinearModel : nn.Module<Tensor, Tensor>
{
    private readonly Parameter _weight;
    private readonly Parameter _bias;

    public LinearModel(Tensor weight, Tensor bias) : base(nameof(LinearModel))
    {
        _weight = nn.Parameter(weight);
        _bias = nn.Parameter(bias);
        RegisterComponents();
    }

    public Tensor Weight => _weight;

    public Tensor Bias => _bias;

    public override Tensor forward(Tensor input)
    {
        using var flat = input.flatten(1);
        return nn.functional.linear(flat, _weight, _bias);
    }
}
