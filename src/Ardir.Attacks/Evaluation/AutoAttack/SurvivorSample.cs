using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>
/// The random sample of a <see cref="SampledAttack"/>. The attack then has two passes in place of its only unit: the sample, and the other
/// survivors if the sample has a hit. The random numbers of an image depend on neither, so both together find what one pass over all
/// survivors finds.
/// </summary>
internal sealed class SurvivorSample
{
    public const int Passes = 2;

    private readonly EnsembleTally _tally;
    private readonly int _attack;
    private readonly bool[] _members;
    private readonly int _survivors;

    private SurvivorSample(EnsembleTally tally, int attack, bool[] members, int survivors) =>
        (_tally, _attack, _members, _survivors) = (tally, attack, members, survivors);

    /// <summary>Draws it. It follows from the seed, the numbers of the images and what the attacks before have found, so a resumed run
    /// draws the same one, even in the middle of the attack.</summary>
    public static SurvivorSample Draw(EnsembleTask task, EnsembleTally tally)
    {
        var attack = task.Sampled!.Attack;
        int[] survivors = [.. Enumerable.Range(0, task.Count).Where(i => tally.Robust[i] || tally.BrokenBy[i] == attack)];
        var size = SampleBound.SampleSize(survivors.Length, task.Sampled.Allowed(task.Count));
        var keys = SampleStreams.ForSamples(task.Context.Seed, task.Context.SampleIndices, task.Count)
            .Derive(SeedMixer.Mix(0, "sample of the survivors")).Keys.ToArray();
        var members = new bool[task.Count];
        foreach (var i in survivors.OrderBy(i => keys[i]).Take(size)) members[i] = true;
        return new SurvivorSample(tally, attack, members, survivors.Length);
    }

    /// <summary>Whether an image is to be attacked in a pass if it still resists.</summary>
    public Func<long, bool> Due(int pass)
    {
        if (pass == 0) return image => _members[image];
        var escalates = HasHit;
        return image => escalates && !_members[image];
    }

    /// <summary>How many images may still have to be attacked after the one at a cursor. As long as the sample is not done, all
    /// survivors count, so that an estimate of the progress never goes back.</summary>
    public int Rest(int pass, long cursor)
    {
        int Count(long after, bool member) =>
            _tally.Robust.Where((robust, i) => robust && i > after && _members[i] == member).Count();
        if (pass > 0) return Count(cursor, member: false);
        return Count(cursor, member: true) + (IsDone && !HasHit ? 0 : Count(-1, member: false));
    }

    /// <summary>What the report says.</summary>
    /// <param name="images">All images of the evaluation.</param>
    public SquareSample Describe(int images)
    {
        var size = _members.Count(member => member);
        var spent = _tally.Done.Where(IsOfSample).Sum(batch => batch.Forwards + batch.Backwards);
        var spared = HasHit ? 0 : _survivors - size;
        return new SquareSample
        {
            Images = images,
            Survivors = _survivors,
            Sampled = size,
            Broken = _tally.Done.Where(IsOfSample).Sum(batch => batch.Broken.Length),
            MissedAtMost = HasHit ? 0 : SampleBound.MissedAtMost(_survivors, size),
            SampleEvaluations = spent,
            SavedEvaluations = size == 0 ? 0 : (long)Math.Round(spent / (double)size * spared),
        };
    }

    private bool HasHit => Array.IndexOf(_tally.BrokenBy, _attack) >= 0;

    private bool IsDone
    {
        get
        {
            var cursor = _tally.Done is [.., var last] && last.Attack == _attack ? last.Cursor : -1;
            return Array.FindLastIndex(_members, member => member) <= cursor;
        }
    }

    private bool IsOfSample(EnsembleBatch batch) => batch.Attack == _attack && batch.Unit == 0;
}
