namespace Ardir.Core;

/// <summary>The entries of a weight file that hold the mean and standard deviation by which pixels were normalised.</summary>
internal sealed class FileStatistics
{
    private const int MaxChannels = 1024;

    private readonly List<string> _problems = [];

    /// <summary>One value per channel; null when the file has none that can be used.</summary>
    public double[]? Mean { get; private set; }

    /// <summary>One value per channel; null when the file has none that can be used.</summary>
    public double[]? Deviation { get; private set; }

    /// <summary>Entries that cannot be used, and why.</summary>
    public IReadOnlyList<string> Problems => _problems;

    /// <summary>Collects the statistics from all entries of a file.</summary>
    public static FileStatistics Of(StateDict weights)
    {
        var found = new FileStatistics();
        foreach (var (name, value) in weights) found.Take(name, value);
        return found;
    }

    /// <summary>
    /// The statistics to normalise with. Null when the file has none, when they are not valid values for this number of channels, or when
    /// they change nothing (mean 0, deviation 1).
    /// </summary>
    public ChannelStatistics? Usable(int channels) =>
        Mean is { } mean && Deviation is { } deviation
        && mean.Length == channels && deviation.Length == channels
        && ChannelStatistics.AreSound(mean, deviation)
        && !(mean.All(value => value == 0) && deviation.All(value => value == 1))
            ? new ChannelStatistics { Mean = mean, Std = deviation }
            : null;

    /// <summary>Stores the values of an entry whose name is that of a mean or a standard deviation.</summary>
    /// <returns>Whether the name is one of these.</returns>
    public bool Take(string name, Tensor value)
    {
        if (WeightNames.IsMean(name)) Mean = Values(name, value, Mean);
        else if (WeightNames.IsDeviation(name)) Deviation = Values(name, value, Deviation);
        else return false;
        return true;
    }

    private double[]? Values(string name, Tensor value, double[]? before)
    {
        if (!value.is_floating_point() || value.numel() > MaxChannels || value.numel() != (value.dim() == 0 ? 1 : value.shape.Max()))
        {
            _problems.Add(
                $"{name} (statistics of pixels as {value.dtype} {TensorGuard.Shape(value)}; "
                + "expected one floating-point number per channel)");
            return before;
        }
        using var scope = NewDisposeScope();
        var values = HostRead.Array<double>(value.to(ScalarType.Float64));
        if (before is null || before.AsSpan().SequenceEqual(values)) return values;
        _problems.Add($"{name} (other statistics of pixels than an entry before)");
        return before;
    }
}
