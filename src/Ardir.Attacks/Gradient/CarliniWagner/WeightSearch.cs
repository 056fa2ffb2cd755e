using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>The binary search of Carlini and Wagner for each sample's weight c: multiplied by ten until it succeeds, then the interval is
/// halved.</summary>
internal sealed class WeightSearch(Tensor images, double initial, ScalarType dtype)
{
    private Tensor _low = zeros(PerSample.Shape(images.shape[0], images), dtype, images.device);
    private Tensor _high = full(PerSample.Shape(images.shape[0], images), double.PositiveInfinity, dtype, images.device);

    /// <summary>The weights to try, [n,1,...,1].</summary>
    public Tensor Weight { get; private set; } = full(PerSample.Shape(images.shape[0], images), initial, dtype, images.device);

    /// <summary>Chooses the next weights from the samples for which the current ones succeeded, bool [n].</summary>
    public void Learn(Tensor succeeded)
    {
        var success = PerSample.Of(succeeded, Weight);
        _high = where(success, Weight, _high);
        _low = where(success, _low, Weight);
        Weight = where(_high.isfinite(), (_low + _high) / 2, Weight * 10);
    }
}
