using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>
/// An attack made of independent units (a restart, a target): each unit attacks only the samples that the units before it did not break.
/// Only images that the model classifies correctly are attacked; an image that no unit breaks is returned unchanged. An ensemble runs the
/// units of its attacks one by one and packs the survivors of each into full batches.
/// </summary>
public abstract class UnitAttack : Attack
{
    /// <summary>Creates the base.</summary>
    /// <param name="threat">What the attack may do to an image.</param>
    protected UnitAttack(ThreatModel threat) : base(threat)
    {
    }

    /// <summary>How many units there are.</summary>
    /// <param name="classes">How many classes the model has.</param>
    /// <returns>At least 1.</returns>
    protected abstract int UnitCount(long classes);

    /// <summary>Forward and backward passes that a unit spends on a sample that resists: an estimate that only the progress of an
    /// evaluation uses.</summary>
    /// <param name="classes">How many classes the model has.</param>
    /// <returns>Passes per sample.</returns>
    protected abstract long UnitCost(long classes);

    /// <summary>Runs one unit on samples that are not broken yet. The run has <see cref="AttackRun.CleanLogits"/>.</summary>
    /// <param name="run">The samples.</param>
    /// <param name="unit">The unit, from 0.</param>
    /// <returns>What it found.</returns>
    protected abstract UnitOutcome SearchUnit(AttackRun run, int unit);

    /// <summary><see cref="UnitCount"/> for an evaluation.</summary>
    /// <exception cref="InvalidOperationException">There is none, so that every image would look robust.</exception>
    internal int Units(long classes) => UnitCount(classes) is >= 1 and var count
        ? count
        : throw new InvalidOperationException(
            $"{Name} has {UnitCount(classes)} units for {classes} classes; expected at least 1. Let {nameof(UnitCount)} return how often " +
            $"{nameof(SearchUnit)} is to be called.");

    /// <summary><see cref="SearchUnit"/>, whose outcome is checked.</summary>
    internal UnitOutcome RunUnit(AttackRun run, int unit) => AttackAnswer.Check(this, SearchUnit(run, unit), run.Images);

    /// <summary><see cref="UnitCost"/> for an evaluation.</summary>
    internal long Cost(long classes) => UnitCost(classes);

    /// <summary>Runs one unit for an ensemble, which has already computed the clean logits, [n,K].</summary>
    /// <returns>Which images the unit reports as broken, bool [n], and the points.</returns>
    internal (Tensor Claimed, Tensor Points) SearchAll(GuardedModel guard, Tensor images, Tensor labels, Tensor cleanLogits, int unit)
    {
        if (ShardPlan.Count(guard.Context, guard.Model, images) is not (> 1 and var shards))
            return SearchWhole(guard, images, labels, cleanLogits, unit);
        var (claimed, points) = (empty([images.shape[0]], ScalarType.Bool, images.device), empty_like(images));
        new ShardedRun(guard, images, labels).Run(shards, shard =>
        {
            var found = SearchWhole(shard.Guard, shard.Images, shard.Labels, shard.Rows(cleanLogits), unit);
            shard.Rows(claimed).copy_(found.Claimed);
            shard.Rows(points).copy_(found.Points);
        });
        return (claimed, points);
    }

    private (Tensor Claimed, Tensor Points) SearchWhole(
        GuardedModel guard, Tensor images, Tensor labels, Tensor cleanLogits, int unit)
    {
        AttackRun Run() => AttackRun.Create(Traits, guard, images, labels).WithCleanLogits(cleanLogits);
        UnitOutcome Once() => RunUnit(Run(), unit);
        if (unit == 0 && Threat is not NormThreatModel) CheckThreat(Run());
        var outcome = Once();
        if (guard.MustRepeat)
        {
            var nan = guard.CountNanAsWrong(Threat);
            outcome = Once();
            outcome = outcome with { Points = nan.Put(outcome.Points, outcome.Broken) };
        }
        guard.EnsureSound();
        if (guard.Gradients() is { } gradients) guard.Context.Notes?.Add((int)images.shape[0], gradients, guard.Context.SampleIndices);
        return (outcome.Broken, outcome.Points);
    }

    /// <inheritdoc/>
    protected sealed override Tensor Search(AttackRun run)
    {
        ArgumentNullException.ThrowIfNull(run);
        CheckThreat(run);
        var clean = run.Logits(run.Images);
        run = run.WithCleanLogits(clean);
        var result = run.Images.clone();
        var rows = HostRead.Rows(run.IsAdversarial(clean).logical_not());
        var units = Units(clean.shape[1]);
        for (var unit = 0; unit < units && rows.numel() > 0; unit++)
        {
            using var scope = NewDisposeScope();
            var outcome = RunUnit(run.Select(rows), unit);
            var broken = rows[outcome.Broken];
            if (broken.numel() > 0) result.index_copy_(0, broken, outcome.Points[outcome.Broken]);
            rows = rows[outcome.Broken.logical_not()].MoveToOuterDisposeScope();
        }
        return result;
    }

    // Units claim no point outside of the threat set, so nothing would tell of a threat model to which every point is outside.
    private void CheckThreat(AttackRun run)
    {
        if (Threat is NormThreatModel) return;
        using var scope = NewDisposeScope();
        ThreatCheck.Ensure(Threat, run.Images, run.Start(RandomStart.Uniform, restart: 0));
    }
}
