using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>The shape of the <see cref="PreActResNet"/> that every method of an <see cref="ExperimentPlan"/> trains. Channels and classes
/// come from the data.</summary>
public sealed record ExperimentNetwork
{
    /// <summary>Channels of the stages; one stage for each number.</summary>
    /// <value>64, 128, 256 and 512 by default: PreActResNet-18.</value>
    public IReadOnlyList<int> Widths { get; init; } = [64, 128, 256, 512];

    /// <summary>Residual blocks in each stage.</summary>
    /// <value>2 by default.</value>
    public int BlocksPerStage { get; init; } = 2;

    /// <summary>Stride of the first convolution: 2 halves height and width at once, for speed.</summary>
    /// <value>1 by default.</value>
    public int FirstStride { get; init; } = 1;

    internal PreActResNet Create(int channels, int classes, ulong seed) => PreActResNet.Create(new PreActResNetOptions
    {
        InputChannels = channels,
        Classes = classes,
        Widths = Widths,
        BlocksPerStage = BlocksPerStage,
        FirstStride = FirstStride,
        Seed = seed,
    });
}
