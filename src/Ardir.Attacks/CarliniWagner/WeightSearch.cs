namespace Ardir.Attacks;

/// <summary>The binary search of Carlini and Wagner for each sample's weight c: ten times more until it succeeds, then halving the interval.</summary>
internal sealed class WeightSearch(int count, double initial, ScalarType dtype, Device device)
{
    private Tensor _low = zeros([count, 1, 1, 1], dtype, device);
    private Tensor _high = full([count, 1, 1, 1], double.PositiveInfinity, dtype, device);

    /// <summary>The weights to try, [n,1,1,1].</summary>
    public Tensor Weight { get; private set; } = full([count, 1, 1, 1], initial, dtype, device);

    /// <summary>Goes on from what the weights led to, bool [n].</summary>
    public void Learn(Tensor succeeded)
    {
        var success = succeeded.reshape(-1, 1, 1, 1);
        _high = where(success, Weight, _high);
        _low = where(success, _low, Weight);
        Weight = where(_high.isfinite(), (_low + _high) / 2, Weight * 10);
    }
}
