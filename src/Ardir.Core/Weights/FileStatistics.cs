namespace Ardir.Core;

/// <summary>The entries of a file that say how pixels were normalised.</summary>
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

    /// <summary>All of a file.</summary>
    public static FileStatistics Of(StateDict weights)
    {
        var found = new FileStatistics();
        foreach (var (name, value) in weights) found.Take(name, value);
        return found;
    }

    /// <summary>Takes an entry that is a mean or a deviation, by its name.</summary>
    /// <returns>Whether it was one.</returns>
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
            _problems.Add($"{name} (statistics of pixels as {value.dtype} {TensorGuard.Shape(value)}; expected one floating-point number per channel)");
            return before;
        }
        using var scope = NewDisposeScope();
        var values = HostRead.Array<double>(value.to(ScalarType.Float64));
        if (before is null || before.AsSpan().SequenceEqual(values)) return values;
        _problems.Add($"{name} (other statistics of pixels than an entry before)");
        return before;
    }
}
