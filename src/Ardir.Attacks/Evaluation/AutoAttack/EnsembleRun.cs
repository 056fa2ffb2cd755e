using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>
/// One evaluation: every unit of every attack runs on the images that still resist, packed into full batches, always starting from the
/// clean images. The result of a batch is confirmed, written to the state file, and only then counted.
/// </summary>
internal sealed class EnsembleRun(EnsembleTask task) : IDisposable
{
    /// <summary>What was found so far.</summary>
    public EnsembleTally Tally { get; } = new(task.Attacks, (int)task.Images.shape[0]);

    /// <summary>Logits of all clean images, [N,K].</summary>
    public Tensor CleanLogits { get; private set; } = null!;

    /// <summary>[N,C,H,W]: the adversarial image where an attack succeeded, the clean image elsewhere.</summary>
    public Tensor Adversarial { get; } = task.Images.detach().clone().DetachFromDisposeScope();

    /// <summary>What the report says about the attack that ran on a sample; null where none did.</summary>
    public SquareSample? Sampling => task.Sampled is null ? null : Sample.Describe(Count);

    private int Count => task.Count;

    // Known when all attacks before the sampled one are done, and not asked for earlier.
    private SurvivorSample Sample => field ??= SurvivorSample.Draw(task, Tally);

    /// <summary>Begins with what the model says about the clean images.</summary>
    public void Begin(CleanAnswers clean)
    {
        CleanLogits = clean.Logits.alias().DetachFromDisposeScope();
        Tally.Begin([.. clean.Right], [.. clean.Predicted]);
    }

    /// <summary>Takes over the batches that an interrupted run had finished.</summary>
    public void Resume(List<(EnsembleBatch Batch, Tensor? Points)> done)
    {
        foreach (var (batch, points) in done.Where(entry => entry.Batch.Epsilon == task.Epsilon))
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
        if (Tally.Done.Count > 0) Report(attack, unit, Passes(attack), cursor);
        for (; attack < task.Attacks.Count; attack++, unit = 0, cursor = -1)
        {
            Tally.Enter(attack);
            for (var units = Passes(attack); unit < units; unit++, cursor = -1)
            {
                RunUnit(state, attack, unit, cursor);
                if (Tally.Done is [.., { WithoutGradient: true } end] && end.Attack == attack) break;
            }
        }
    }

    /// <summary>What the findings follow from.</summary>
    public EvaluationFacts Facts() => Tally.Facts(
        CleanLogits.shape[1],
        isConstant: EvaluationFacts.AreAllTheSame(CleanLogits) && !EvaluationFacts.AreAllTheSame(task.Images));

    public void Dispose()
    {
        CleanLogits?.Dispose();
        Adversarial.Dispose();
    }

    /// <summary>Passes that the attacks spend on an image that resists them all; used to estimate progress.</summary>
    public static double Cost(IEnumerable<IAttack> attacks, long classes) =>
        attacks.Sum(attack => UnitCost(attack, classes) * Units(attack, classes));

    private void RunUnit(EnsembleState state, int attack, int unit, long cursor)
    {
        var (units, codec, isOver) = (Passes(attack), EnsembleRecord.Codec(task.Images), false);
        while (!isOver && Batches(attack, unit, cursor) is { Count: > 0 } round)
            task.Ranks.Round(round.Count, piece => Run(attack, unit, round[piece]), codec, found =>
            {
                // A single process would not have begun the batches after one that found no gradient.
                if (!isOver) Keep(state, found.Batch, found.Points);
                found.Points?.Dispose();
                if (isOver) return;
                (cursor, isOver) = (found.Batch.Cursor, found.Batch.WithoutGradient);
                Report(attack, unit, units, cursor);
            });
    }

    private void Keep(EnsembleState state, EnsembleBatch batch, Tensor? points)
    {
        // The security curve reports only accuracies, so its adversarial images are not stored.
        state.Append(batch, task.Epsilon is null ? points : null);
        Apply(batch, points);
    }

    /// <summary>The next batches of a unit, one for each rank. The unit has not changed the state of images after the cursor, so they are
    /// the same for any number of ranks and for a resumed run.</summary>
    private List<long[]> Batches(int attack, int unit, long cursor)
    {
        var (round, due) = (new List<long[]>(), Due(attack, unit));
        while (round.Count < task.Ranks.Size && Tally.Next(cursor, task.BatchSize, due) is { Length: > 0 } rows)
        {
            round.Add(rows);
            cursor = rows[^1];
        }
        return round;
    }

    private (EnsembleBatch Batch, Tensor? Points) Run(int attack, int unit, long[] rows) =>
        new EnsembleUnit(task, attack, unit, rows).Run(CleanLogits, Within(attack, unit, rows));

    private int Units(int attack) => Units(task.Attacks[attack], CleanLogits.shape[1]);

    private int Passes(int attack) => task.IsSampled(attack) ? SurvivorSample.Passes : Units(attack);

    private Func<long, bool>? Due(int attack, int unit) => task.IsSampled(attack) ? Sample.Due(unit) : null;

    private static int Units(IAttack attack, long classes) =>
        EotAttack.Unwrap(attack).Attack is UnitAttack units ? units.Units(classes) : 1;

    private void Apply(EnsembleBatch batch, Tensor? points)
    {
        Tally.Add(batch);
        if (points is null) return;
        using var at = tensor(batch.Broken, device: task.Images.device);
        Adversarial.index_copy_(0, at, points);
    }

    private void Report(int attack, int unit, int units, long cursor)
    {
        if (task.Context.Progress is null) return;
        var fraction = Spent / Math.Max(Spent + Rest(attack, unit, cursor), 1);
        task.Context.Progress.Report(new AttackProgress
        {
            Attack = task.Attacks[attack].Name,
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

    private BatchProgress? Within(int attack, int unit, long[] rows) => task.Context.Progress is null ? null : new BatchProgress(
        task.Context.Progress, Tally.Done.Sum(batch => batch.Forwards), Tally.Done.Sum(batch => batch.Backwards),
        UnitCost(attack) * rows.Length, Rest(attack, unit, rows[^1]));

    private double Spent => Tally.Done.Sum(batch => batch.Forwards + batch.Backwards);

    /// <summary>Passes that remain after the image at the cursor, if every image that resists now resists to the end.</summary>
    private double Rest(int attack, int unit, long cursor)
    {
        var robust = Tally.Left;
        var left = task.IsSampled(attack)
            ? Sample.Rest(unit, cursor)
            : Tally.Robust.Skip((int)cursor + 1).Count(resists => resists) + (Units(attack) - unit - 1) * robust;
        var rest = UnitCost(attack) * left;
        for (var a = attack + 1; a < task.Attacks.Count; a++) rest += UnitCost(a) * Units(a) * robust;
        return rest;
    }

    // The cost of a third-party attack is unknown; 100 passes per image is a guess that only the progress estimate uses.
    private static double UnitCost(IAttack attack, long classes) => EotAttack.Unwrap(attack) is var (search, samples)
        && search is UnitAttack known ? samples * known.Cost(classes) : 100.0 * samples;

    private double UnitCost(int attack) => UnitCost(task.Attacks[attack], CleanLogits.shape[1]);
}
