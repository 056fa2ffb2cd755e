using System.Diagnostics;
using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>One unit of an attack on one batch of images, and the confirmation of what it claims.</summary>
/// <param name="task">The evaluation.</param>
/// <param name="attack">Index of the attack.</param>
/// <param name="unit">Index of the unit in the attack; for one that is sampled its pass.</param>
/// <param name="rows">Positions of the images.</param>
internal sealed class EnsembleUnit(EnsembleTask task, int attack, int unit, long[] rows)
{
    private readonly IAttack _attack = task.Attacks[attack];
    private readonly (IAttack Attack, int Samples) _search = EotAttack.Unwrap(task.Attacks[attack]);
    private readonly AttackNotes _notes = new();
    private readonly long[] _numbers = task.Numbers(rows);

    /// <summary>Searches and confirms.</summary>
    /// <param name="cleanLogits">Logits of all clean images, [N,K].</param>
    /// <param name="progress">Receives the steps of the attack.</param>
    /// <returns>The result, and the adversarial images of those that were broken; null if there are none.</returns>
    public (EnsembleBatch Batch, Tensor? Points) Run(Tensor cleanLogits, IProgress<AttackProgress>? progress)
    {
        var clock = Stopwatch.StartNew();
        using var scope = NewDisposeScope();
        var at = tensor(rows, device: task.Images.device);
        var (images, labels) = (task.Images.index_select(0, at), task.Labels.index_select(0, at));
        var context = task.Context with
        {
            SampleIndices = _numbers, Notes = _notes, Progress = progress, EotSamples = task.Context.EotSamples * _search.Samples,
        };
        using var model = new GuardedModel(task.Model.AsModule, context) { Classes = cleanLogits.shape[1] };
        // All other attacks run through Perturb, which starts an activity of its own.
        using var activity = _search.Attack is UnitAttack
            ? AttackInstruments.Start(_attack, model.Model, images)?.SetTag("ardir.attack.unit", unit)
            : null;
        var found = Search(model, images, labels, cleanLogits.index_select(0, at));
        var confirmed = found is { } claim ? Confirm(model, claim, images, labels) : new Confirmed([], [], 0, null);
        AttackInstruments.Spent(_attack, activity, model);
        return (new EnsembleBatch
        {
            Attack = attack,
            Unit = unit,
            Cursor = rows[^1],
            Broken = confirmed.Broken,
            Predictions = confirmed.Predictions,
            Forwards = model.SampleForwards,
            Backwards = model.SampleBackwards,
            Unconfirmed = confirmed.Unconfirmed,
            ZeroGradients = [.. rows.Where((_, i) => _notes.StoppedByZeroGradient(_numbers[i])).Except(confirmed.Broken)],
            NonFiniteGradients = [.. rows.Where((_, i) => _notes.StoppedByNonFiniteGradient(_numbers[i])).Except(confirmed.Broken)],
            PartsWithoutGradient = [.. _notes.WithoutGradient],
            FollowsGradients = _notes.Followed.Count + _notes.ZeroGradients.Count + _notes.NonFiniteGradients.Count > 0,
            WithoutGradient = found is null,
            Seconds = clock.Elapsed.TotalSeconds,
            Epsilon = task.Epsilon,
        }, confirmed.Points?.MoveToOuterDisposeScope());
    }

    /// <summary>The points that the attack found; null when no gradient flows through the model, which must not end the
    /// ensemble.</summary>
    private Claim? Search(GuardedModel model, Tensor images, Tensor labels, Tensor cleanLogits)
    {
        try
        {
            if (_search.Attack is UnitAttack units)
            {
                var (claimed, points) = units.SearchAll(
                    model, images, labels, cleanLogits, task.IsSampled(attack) ? 0 : unit);
                return new Claim(claimed, points);
            }
            // Copies, so that an attack which changes its inputs in place cannot alter what its result is checked against.
            return new Claim(null, AttackAnswer.Check(
                _search.Attack, _search.Attack.Perturb(model.AsModule, images.clone(), labels.clone(), model.Context), images));
        }
        catch (GradientException)
        {
            return null;
        }
    }

    /// <summary>Confirms every claim by a fresh forward pass and a check of the distance.</summary>
    private Confirmed Confirm(GuardedModel model, Claim claim, Tensor images, Tensor labels)
    {
        var found = claim.Rows is null ? arange(images.shape[0], device: images.device) : HostRead.Rows(claim.Rows);
        if (found.numel() == 0) return new Confirmed([], [], 0, null);
        Tensor Found(Tensor all) => all.index_select(0, found);
        var candidates = Found(claim.Points);
        var verdict = Verdict.Judge(model, task.Threat, Found(images), candidates, (Found(labels), null));
        var good = HostRead.Rows(verdict.Broken);
        var unconfirmed = (int)((claim.Rows is null ? HostRead.Int64(verdict.Wrong.sum()) : found.numel()) - good.numel());
        if (good.numel() == 0) return new Confirmed([], [], unconfirmed, null);
        long[] broken = [.. HostRead.Array<long>(found.index_select(0, good)).Select(row => rows[row])];
        return new Confirmed(
            broken, HostRead.Array<long>(verdict.Predicted.index_select(0, good)), unconfirmed, candidates.index_select(0, good));
    }

    /// <summary>What an attack found, and bool [n], which of it breaks an image; null for third-party attacks, which do not say.</summary>
    private readonly record struct Claim(Tensor? Rows, Tensor Points);

    private readonly record struct Confirmed(long[] Broken, long[] Predictions, int Unconfirmed, Tensor? Points);
}
