namespace Ardir.Attacks;

/// <summary>The binary search of Carlini and Wagner for each sample's weight c: multiplied by ten until it succeeds, then the interval is
/// halved.</summary>
internal sealed class WeightSearch(int count, double initial, ScalarType dtype, Device device)
{
    private Tensor _low = zeros([count, 1, 1, 1], dtype, device);
    private Tensor _high = full([count, 1, 1, 1], double.PositiveInfinity, dtype, device);

    /// <summary>The weights to try, [n,1,1,1].</summary>
    public Tensor Weight { get; private set; } = full([count, 1, 1, 1], initial, dtype, device);

    /// <summary>Chooses the next weights from the samples for which the current ones succeeded, bool [n].</summary>
    public void Learn(Tensor succeeded)
    {
        var success = succeeded.reshape(-1, 1, 1, 1);
        _high = where(success, Weight, _high);
        _low = where(success, _low, Weight);
        Weight = where(_high.isfinite(), (_low + _high) / 2, Weight * 10);
    }
}
