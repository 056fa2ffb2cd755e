namespace Ardir.Core;

/// <summary>The result of one forward pass: the model's output and the feature maps of the tapped layers.</summary>
public sealed class TappedOutput : IDisposable
{
    /// <summary>Combines an output and features that were computed without a tap. Takes ownership of both.</summary>
    /// <param name="output">The model's output, for a classifier the logits [N,K].</param>
    /// <param name="features">The feature maps; none when null.</param>
    public TappedOutput(Tensor output, FeatureMaps? features = null)
    {
        ArgumentNullException.ThrowIfNull(output);
        Output = output;
        Features = features ?? FeatureMaps.Empty;
    }

    /// <summary>The model's output, for a classifier the logits [N,K].</summary>
    public Tensor Output { get; }

    /// <summary>The feature maps, in the order of the tap's layers.</summary>
    public FeatureMaps Features { get; }

    /// <summary>The model that the tap ran; null for outputs that were computed without a tap.</summary>
    internal TapSource? Source { get; init; }

    /// <summary>Disposes <see cref="Output"/> and <see cref="Features"/>.</summary>
    public void Dispose()
    {
        Output.Dispose();
        Features.Dispose();
    }
}
