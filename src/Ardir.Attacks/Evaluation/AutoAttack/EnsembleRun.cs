using System.Diagnostics;
using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>
/// One evaluation: every unit of every attack runs on the images that still resist, packed into full batches, always starting from the
/// clean images. The result of a batch is confirmed, written to the state file, and only then counted.
/// </summary>
internal sealed class EnsembleRun(
    IReadOnlyList<IAttack> attacks, IModule model, Tensor images, Tensor labels, int batchSize, AttackContext context, ThreatModel threat,
    double? epsilon = null) : IDisposable
{
    /// <summary>What was found so far.</summary>
    public EnsembleTally Tally { get; } = new(attacks, (int)images.shape[0]);

    /// <summary>Logits of all clean images, [N,K].</summary>
    public Tensor CleanLogits { get; private set; } = null!;

    /// <summary>[N,C,H,W]: the adversarial image where an attack succeeded, the clean image elsewhere.</summary>
    public Tensor Adversarial { get; } = images.detach().clone().DetachFromDisposeScope();

    private int Count => Tally.Robust.Length;

    /// <summary>Classifies the clean images. An image with NaN logits counts as misclassified.</summary>
    public void Classify()
    {
        var parts = new List<Tensor>();
        using var scope = NewDisposeScope();
        for (var first = 0L; first < Count; first += batchSize)
        {
            context.CancellationToken.ThrowIfCancellationRequested();
            // Frees the tensors that a model leaves in the scope after every batch and not only at the end.
            using var step = NewDisposeScope();
            // A copy for the model, which may normalise in place what it is given.
            var part = images.narrow(0, first, Math.Min(batchSize, Count - first)).clone();
            var logits = ModelCall.Of(model, part);
            LogitsGuard.Check(logits, part, classes: 0);
            if (parts.Count > 0 && logits.shape[1] != parts[0].shape[1])
                throw new InvalidOperationException(
                    $"The model returned {logits.shape[1]} classes after {parts[0].shape[1]} before, for the images from {first} on; " +
                    "expected the same classes for every image.");
            parts.Add(logits.detach().MoveToOuterDisposeScope());
        }
        CleanLogits = cat(parts, 0).DetachFromDisposeScope();
        TensorGuard.LabelRange(labels, CleanLogits.shape[1]);
        var (right, predicted) = Verdict.Read(CleanLogits, labels);
        Tally.Begin(right, predicted);
    }

    /// <summary>Takes over the batches that an interrupted run had finished.</summary>
    public void Resume(List<(EnsembleBatch Batch, Tensor? Points)> done)
    {
        foreach (var (batch, points) in done.Where(entry => entry.Batch.Epsilon == epsilon))
        {
            Tally.Enter(batch.Attack);
            Apply(batch, points);
            points?.Dispose();
        }
    }

    public void Attack(EnsembleState state)
    {
        var (attack, unit, cursor) = Tally.Done is [.., var last] ? (last.Attack, last.Unit, last.Cursor) : (0, 0, -1L);
        // An attack that found no gradient ended there, so a resumed run skips the rest of it.
        if (Tally.Done is [.., { WithoutGradient: true }]) cursor = Count;
        if (Tally.Done.Count > 0) Report(attack, unit, Units(attack), cursor);
        for (; attack < attacks.Count; attack++, unit = 0)
        {
            Tally.Enter(attack);
            var units = Units(attack);
            for (; unit < units; unit++, cursor = -1)
            {
                // The unit has not changed the state of images after the cursor, so a resumed run forms the same batches.
                while (Tally.Next(cursor, batchSize) is { Length: > 0 } rows)
                {
                    var (batch, points) = Run(attack, unit, rows);
                    // The security curve reports only accuracies, so its adversarial images are not stored.
                    state.Append(batch, epsilon is null ? points : null);
                    Apply(batch, points);
                    points?.Dispose();
                    cursor = batch.Cursor;
                    Report(attack, unit, units, cursor);
                    if (batch.WithoutGradient) break;
                }
                if (Tally.Done is [.., { WithoutGradient: true } end] && end.Attack == attack) break;
            }
            cursor = -1;
        }
    }

    /// <summary>What the findings follow from.</summary>
    public EvaluationFacts Facts()
    {
        using var scope = NewDisposeScope();
        return Tally.Facts(CleanLogits.shape[1], AllTheSame(CleanLogits) && !AllTheSame(images));
    }

    public void Dispose()
    {
        CleanLogits?.Dispose();
        Adversarial.Dispose();
    }

    private static bool AllTheSame(Tensor rows) => HostRead.Bool((rows == rows.narrow(0, 0, 1)).all());

    /// <summary>Passes that the attacks spend on an image that resists them all; used to estimate progress.</summary>
    public static double Cost(IEnumerable<IAttack> attacks, long classes) =>
        attacks.Sum(attack => UnitCost(attack) * Units(attack, classes));

    private int Units(int attack) => Units(attacks[attack], CleanLogits.shape[1]);

    private static int Units(IAttack attack, long classes) => EotAttack.Unwrap(attack).Attack is UnitAttack units ? units.UnitCount(classes) : 1;

    private (EnsembleBatch Batch, Tensor? Points) Run(int attack, int unit, long[] rows)
    {
        var clock = Stopwatch.StartNew();
        using var scope = NewDisposeScope();
        var at = tensor(rows, device: images.device);
        var (x, y) = (images.index_select(0, at), labels.index_select(0, at));
        var (numbers, notes) = (Numbers(rows), new AttackNotes());
        var (search, samples) = EotAttack.Unwrap(attacks[attack]);
        var part = context with { SampleIndices = numbers, Notes = notes, Progress = Within(attack, unit, rows) };
        part = part with { EotSamples = part.EotSamples * samples };
        using var oracle = new GuardedModel(model, part) { Classes = CleanLogits.shape[1] };
        // All other attacks run through Perturb, which starts an activity of its own.
        using var activity = search is UnitAttack
            ? AttackInstruments.Start(attacks[attack], model, x)?.SetTag("ardir.attack.unit", unit)
            : null;
        var found = Try(search, oracle, unit, x, y, at);
        var (broken, predictions, unconfirmed, kept) = found is { } claim
            ? Confirm(oracle, claim.Claimed, claim.Points, x, y, rows)
            : ([], [], 0, null);
        AttackInstruments.Spent(attacks[attack], activity, oracle);
        return (new EnsembleBatch
        {
            Attack = attack,
            Unit = unit,
            Cursor = rows[^1],
            Broken = broken,
            Predictions = predictions,
            Forwards = oracle.SampleForwards,
            Backwards = oracle.SampleBackwards,
            Unconfirmed = unconfirmed,
            ZeroGradients = [.. rows.Where((_, i) => notes.IsStuck(numbers[i])).Except(broken)],
            NoNumbers = [.. rows.Where((_, i) => notes.IsLost(numbers[i])).Except(broken)],
            PartsWithoutGradient = [.. notes.WithoutGradient],
            FollowsGradients = notes.Followed.Count + notes.ZeroGradients.Count + notes.NoNumbers.Count > 0,
            WithoutGradient = found is null,
            Seconds = clock.Elapsed.TotalSeconds,
            Epsilon = epsilon,
        }, kept?.MoveToOuterDisposeScope());
    }

    /// <summary>As <see cref="Search"/>; null when no gradient flows through the model, which must not end the ensemble.</summary>
    private (Tensor? Claimed, Tensor Points)? Try(IAttack attack, GuardedModel oracle, int unit, Tensor x, Tensor y, Tensor at)
    {
        try
        {
            return Search(attack, oracle, unit, x, y, at);
        }
        catch (GradientException)
        {
            return null;
        }
    }

    private long[] Numbers(long[] rows) => context.SampleIndices is { } numbers ? [.. rows.Select(row => numbers[(int)row])] : rows;

    /// <summary>The points that an attack found and the rows that it claims to have broken; null for third-party attacks, which claim
    /// none.</summary>
    private (Tensor? Claimed, Tensor Points) Search(IAttack attack, GuardedModel oracle, int unit, Tensor x, Tensor y, Tensor at)
    {
        if (attack is UnitAttack units)
        {
            return units.SearchAll(oracle, x, y, CleanLogits.index_select(0, at), unit);
        }
        // Copies, so that an attack which changes its inputs in place cannot alter what its result is checked against.
        return (null, AttackAnswer.Check(attack, attack.Perturb(oracle.Counted, x.clone(), y.clone(), oracle.Context), x));
    }

    /// <summary>Confirms every claim of an attack by a fresh forward pass and a check of the distance.</summary>
    private (long[] Broken, long[] Predictions, int Unconfirmed, Tensor? Points) Confirm(
        GuardedModel oracle, Tensor? claimed, Tensor points, Tensor x, Tensor y, long[] rows)
    {
        var found = claimed is null ? arange(x.shape[0], device: x.device) : HostRead.Rows(claimed);
        if (found.numel() == 0) return ([], [], 0, null);
        var candidates = points.index_select(0, found);
        // A copy for the model, which may normalise in place what it is given.
        var predicted = Verdict.Predicted(oracle.Counted.call(candidates.clone()));
        var wrong = predicted != y.index_select(0, found);
        var confirmed = wrong.logical_and(threat.Contains(x.index_select(0, found), candidates));
        var good = HostRead.Rows(confirmed);
        var unconfirmed = (int)((claimed is null ? HostRead.Int64(wrong.sum()) : found.numel()) - good.numel());
        if (good.numel() == 0) return ([], [], unconfirmed, null);
        long[] broken = [.. HostRead.Array<long>(found.index_select(0, good)).Select(row => rows[row])];
        return (broken, HostRead.Array<long>(predicted.index_select(0, good)), unconfirmed, candidates.index_select(0, good));
    }

    private void Apply(EnsembleBatch batch, Tensor? points)
    {
        Tally.Add(batch);
        if (points is null) return;
        using var at = tensor(batch.Broken, device: images.device);
        Adversarial.index_copy_(0, at, points);
    }

    private void Report(int attack, int unit, int units, long cursor)
    {
        if (context.Progress is null) return;
        var fraction = Spent / Math.Max(Spent + Rest(attack, unit, cursor), 1);
        context.Progress.Report(new AttackProgress
        {
            Attack = attacks[attack].Name,
            Step = unit,
            Steps = units,
            Restart = 0,
            Active = Tally.Left,
            SampleForwards = Tally.Done.Sum(batch => batch.Forwards),
            SampleBackwards = Tally.Done.Sum(batch => batch.Backwards),
            Fraction = fraction,
            Evaluation = new EvaluationProgress
            {
                CleanAccuracy = Tally.CleanAccuracy,
                RobustAccuracy = Tally.RobustAccuracy,
                Fraction = fraction,
            },
        });
    }

    private BatchProgress? Within(int attack, int unit, long[] rows) => context.Progress is null ? null : new BatchProgress(
        context.Progress, Tally.Done.Sum(batch => batch.Forwards), Tally.Done.Sum(batch => batch.Backwards),
        UnitCost(attacks[attack]) * rows.Length, Rest(attack, unit, rows[^1]));

    private double Spent => Tally.Done.Sum(batch => batch.Forwards + batch.Backwards);

    /// <summary>Passes that remain after the image at the cursor, if every image that resists now resists to the end.</summary>
    private double Rest(int attack, int unit, long cursor)
    {
        var robust = Tally.Left;
        var rest = UnitCost(attacks[attack]) * Tally.Robust.Skip((int)cursor + 1).Count(robust => robust);
        for (var a = attack; a < attacks.Count; a++) rest += UnitCost(attacks[a]) * (Units(a) - (a == attack ? unit + 1 : 0)) * robust;
        return rest;
    }

    // The cost of a third-party attack is unknown; 100 passes per image is a guess that only the progress estimate uses.
    private static double UnitCost(IAttack attack) =>
        EotAttack.Unwrap(attack) is var (search, samples) && search is UnitAttack known ? samples * known.UnitCost : 100.0 * samples;
}
