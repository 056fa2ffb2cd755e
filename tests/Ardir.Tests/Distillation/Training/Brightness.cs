using Ardir.Core;
using TorchSharp.Modules;

namespace Ardir.Tests;

/// <summary>Class 0 when an image is bright, 1 when it is dark. Its one weight shifts both logits alike, so that no loss moves it: only decay does.</summary>
internal sealed class Brightness : nn.Module<Tensor, Tensor>
{
    private readonly Parameter _shift;

    public Brightness(double shift) : base(nameof(Brightness))
    {
        _shift = nn.Parameter(tensor(new[] { (float)shift }));
        RegisterComponents();
    }

    public double Weight => _shift[0].ToDouble();

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var light = input.flatten(1).mean([1]).unsqueeze(1) - 0.5;
        return (cat([light, -light], 1) * 10 + _shift).MoveToOuterDisposeScope();
    }

    /// <summary>Bright images, all of class 0.</summary>
    public static ImageDataset Data(int count) =>
        new(full([count, 1, 2, 2], 200, ScalarType.Byte), zeros(count, dtype: ScalarType.Int64), ["bright", "dark"]);
}
