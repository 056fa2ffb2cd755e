using System.Globalization;

namespace Ardir.Core;

/// <summary>Which entry of a file is copied to which entry of a module. The plan is made before anything is changed.</summary>
internal sealed class LoadPlan
{
    private readonly List<(Tensor From, Tensor To)> _copies = [];
    private readonly Normalize? _normalize;
    private (double[] Mean, double[] Std)? _normalisation;

    private LoadPlan(Normalize? normalize) => _normalize = normalize;

    public LoadReport Report { get; private set; } = null!;

    public static LoadPlan Make(nn.Module module, StateDict weights)
    {
        var targets = module.state_dict();
        List<string> loaded = [], unexpected = [], mismatched = [], converted = [], dropped = [];
        HashSet<string> placed = new(StringComparer.Ordinal), misfits = new(StringComparer.Ordinal);
        var plan = new LoadPlan(module as Normalize);
        if (plan._normalize is not null) { targets.Remove("mean"); targets.Remove("std"); }
        var byBare = ByBareName(targets);
        var statistics = new FileStatistics();
        foreach (var (name, value) in weights)
        {
            var target = WeightNames.Candidates(name).FirstOrDefault(targets.ContainsKey)
                ?? byBare.GetValueOrDefault(WeightNames.Bare(name));
            if (target is null && statistics.Take(name, value)) continue;
            if (target is null) (WeightNames.IsUnusedGroup(name) || WeightNames.IsCounter(name) ? dropped : unexpected).Add(name);
            else if (placed.Contains(target)) unexpected.Add($"{name} (a second entry for {target})");
            else if (Difference(value, targets[target]) is { } difference)
            {
                misfits.Add(target);
                mismatched.Add($"{target}: {difference}");
            }
            else
            {
                placed.Add(target);
                if (value.dtype != targets[target].dtype) converted.Add($"{target}: {value.dtype} to {targets[target].dtype}");
                loaded.Add(target);
                plan._copies.Add((value, targets[target]));
            }
        }
        plan.Normalise(statistics, unexpected, mismatched, dropped);
        plan.Report = new LoadReport
        {
            Loaded = loaded,
            Missing = [.. targets.Keys.Where(name => !placed.Contains(name) && !misfits.Contains(name) && !WeightNames.IsCounter(name))],
            Unexpected = unexpected, Mismatched = mismatched, Converted = converted, Dropped = dropped,
            NormalisationLoaded = plan._normalisation is not null,
        };
        return plan;
    }

    public void Execute()
    {
        foreach (var (from, to) in _copies) to.copy_(from);
        if (_normalisation is { } normalisation) _normalize!.Configure(normalisation.Mean, normalisation.Std);
    }

    /// <summary>Maps names without prefixes to names of the module. Those that several names of the module share are left out.</summary>
    private static Dictionary<string, string> ByBareName(Dictionary<string, Tensor> targets) => targets.Keys
        .GroupBy(WeightNames.Bare)
        .Where(group => group.Count() == 1)
        .ToDictionary(group => group.Key, group => group.Single(), StringComparer.Ordinal);

    // A network whose pixels are normalised differently than in training gives wrong results without any error. Normalisation that cannot
    // be applied is therefore reported as unexpected or mismatched, which strict loading refuses.
    private void Normalise(FileStatistics statistics, List<string> unexpected, List<string> mismatched, List<string> dropped)
    {
        unexpected.AddRange(statistics.Problems);
        if (statistics is { Mean: null, Deviation: null }) return;
        double[] means = statistics.Mean ?? [], deviations = statistics.Deviation ?? [];
        if (_normalize is not null
            && means.Length == _normalize.Mean.Count && deviations.Length == means.Length
            && ChannelStatistics.AreSound(means, deviations))
        {
            _normalisation = (means, deviations);
        }
        else if (_normalize is not null)
        {
            mismatched.Add(
                $"normalisation: the file has {means.Length} means and {deviations.Length} deviations (positive and finite?); "
                + $"the module has {_normalize.Mean.Count} channels");
        }
        else if (means.All(value => value == 0) && deviations.All(value => value == 1))
        {
            dropped.Add("normalisation (mean 0, deviation 1)");
        }
        else
        {
            unexpected.Add(
                $"normalisation with mean [{Numbers(means)}] and deviation [{Numbers(deviations)}]: wrap the network in Normalize");
        }
    }

    private static string Numbers(double[] values) =>
        string.Join(", ", values.Select(value => value.ToString("G4", CultureInfo.InvariantCulture)));

    private static string? Difference(Tensor from, Tensor to)
    {
        if (!from.shape.SequenceEqual(to.shape)) return $"{TensorGuard.Shape(from)} in the file, {TensorGuard.Shape(to)} in the module";
        if (from.is_floating_point() != to.is_floating_point()) return $"{from.dtype} in the file, {to.dtype} in the module";
        // libtorch does not copy into expanded tensors. This is checked before the first copy, so that a failure changes no weights.
        if (to.stride().Zip(to.shape).Any(pair => pair is (0, > 1)))
            return "the module's values share memory (it was expanded); clone it there first";
        return from.dtype == to.dtype || Fits(from, to.dtype)
            ? null
            : $"{from.dtype} in the file with values that {to.dtype} in the module cannot hold";
    }

    // Conversion to a smaller type may lose precision, but must not make finite values infinite or change integers.
    private static bool Fits(Tensor from, ScalarType type)
    {
        using var scope = NewDisposeScope();
        var there = from.to(type);
        return from.is_floating_point()
            ? HostRead.Bool(there.isfinite().eq(from.isfinite()).all())
            : HostRead.Bool(there.to(from.dtype).eq(from).all());
    }
}
