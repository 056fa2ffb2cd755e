namespace Ardir.Core;

/// <summary>Small steps that several networks share.</summary>
internal static class LayerMath
{
    private static readonly long[] _positions = [2, 3];

    /// <summary>Mean over height and width, [N,C,H,W] to [N,C]. At 32x32 inputs it equals the pooling with a fixed window that published
    /// code uses.</summary>
    public static Tensor GlobalAverage(this Tensor map) => map.mean(_positions);

    /// <summary>Appends a column of zeros at the right and a row of zeros at the bottom, which is what TensorFlow's "SAME" padding does
    /// before a 3x3 convolution of stride 2 on an even size.</summary>
    public static Tensor PadRightAndBottom(this Tensor map) =>
        nn.functional.pad(map, [0, 1, 0, 1], PaddingModes.Constant, 0);

    /// <summary>Calls one module after the other; disposes the first map and all intermediate ones.</summary>
    public static Tensor Chain(Tensor map, IReadOnlyList<nn.Module<Tensor, Tensor>> modules)
    {
        foreach (var module in modules)
        {
            using var before = map;
            map = module.call(before);
        }
        return map;
    }

    public static nn.Module<Tensor, Tensor> Create(this ModelActivation activation) => activation switch
    {
        ModelActivation.Relu => nn.ReLU(),
        ModelActivation.Swish => nn.SiLU(),
        _ => throw new ArgumentOutOfRangeException(nameof(activation), activation, "Activation is not a member of ModelActivation."),
    };
}
