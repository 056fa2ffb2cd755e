using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>What the frozen networks of a run answer for the clean images of the training set, as far as the memory budget of
/// <see cref="TrainerOptions.OutputCacheBytes"/> goes.</summary>
internal sealed class KeptOutputs : IDisposable
{
    private readonly Dictionary<NetworkRole, OutputCache> _caches = [];

    /// <summary>Runs each network whose answers fit into what is left of the budget once on all images.</summary>
    public KeptOutputs(TrainingRun run, IReadOnlyDictionary<NetworkRole, IFeatureTap> taps)
    {
        var left = run.Options.OutputCacheBytes;
        if (left == 0) return;
        // Not the batches of an epoch, which a resumed run would begin elsewhere: so both have the same digits.
        var batches = new ImageBatches(run.Train, run.Batches.Options with { Shuffle = false });
        try
        {
            foreach (var role in Roles(run))
            {
                using var cheaper = RunFormat.ForPassesOf(run.Setup.Networks[role], run.Options);
                if (OutputCache.TryFill(taps[role], batches, left, run.OwnCancellation) is not { } cache)
                {
                    var bytes = OutputCache.BytesNeeded(taps[role], batches);
                    TrainerLog.TooLargeToKeep(run.Options.Logger, role, run.Train.Count, bytes, left);
                    continue;
                }
                _caches.Add(role, cache);
                TrainerLog.Keeping(run.Options.Logger, role, run.Train.Count, cache.Bytes);
                left -= cache.Bytes;
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The kept output of a pass for some training images; null if it has to be computed.</summary>
    public TappedOutput? Find(NetworkPass pass, IReadOnlyList<long> samples) =>
        pass.Images == ImageSource.Clean ? _caches.GetValueOrDefault(pass.Network)?.Select(samples) : null;

    public void Dispose()
    {
        foreach (var cache in _caches.Values) cache.Dispose();
        _caches.Clear();
    }

    // What the loss keeps, such as an average of the student, changes during the run.
    private static IEnumerable<NetworkRole> Roles(TrainingRun run) => run.Setup.Loss.Needs.Passes
        .Where(pass => pass.Images == ImageSource.Clean && pass.Network != NetworkRole.Student)
        .Select(pass => pass.Network)
        .Where(role => !TrainingSetup.IsKeptBy(run.Setup.Loss, run.Setup.Networks[role]))
        .OrderBy(role => role.Name, StringComparer.Ordinal);
}
