namespace Ardir.Attacks;

/// <summary>Adds up the reports of the shards of a run: one report each time the slowest of those that are still running has done another
/// step.</summary>
/// <param name="outer">Receives the sums, from one thread at a time.</param>
/// <param name="whole">Counts the passes of all shards.</param>
/// <param name="shards">How many there are.</param>
internal sealed class ShardProgress(IProgress<AttackProgress> outer, GuardedModel whole, int shards)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<long, AttackProgress> _last = [];
    private readonly HashSet<long> _ended = [];
    private (int Restart, int Step) _reported = (0, 0);

    /// <summary>What a shard reports to.</summary>
    public IProgress<AttackProgress> Of((long From, long Count) part) => new Part(this, part.From);

    /// <summary>A shard is done, perhaps before its last step, and the others are no longer waited for.</summary>
    public void End((long From, long Count) part)
    {
        lock (_lock)
        {
            _ended.Add(part.From);
            Report();
        }
    }

    private void Report(long shard, AttackProgress value)
    {
        lock (_lock)
        {
            _last[shard] = value;
            Report();
        }
    }

    private void Report()
    {
        if (_last.Keys.Union(_ended).Count() < shards || _last.Count == 0) return;
        var running = _last.Where(entry => !_ended.Contains(entry.Key)).Select(entry => entry.Value).ToList();
        var slowest = running.Count == 0 ? _last.Values.MaxBy(Moment)! : running.MinBy(Moment)!;
        if (Moment(slowest).CompareTo(_reported) <= 0) return;
        _reported = Moment(slowest);
        outer.Report(slowest with
        {
            Active = _last.Values.Sum(last => last.Active),
            SampleForwards = whole.SampleForwards,
            SampleBackwards = whole.SampleBackwards,
        });
    }

    private static (int Restart, int Step) Moment(AttackProgress value) => (value.Restart, value.Step);

    private sealed class Part(ShardProgress all, long shard) : IProgress<AttackProgress>
    {
        public void Report(AttackProgress value) => all.Report(shard, value);
    }
}
