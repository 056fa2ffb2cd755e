using System.Diagnostics;
using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>
/// One evaluation: every unit of every attack on the images that still resist, packed into full batches, each batch from the clean images. What a
/// batch brings is confirmed, remembered in the state file, and only then counted.
/// </summary>
internal sealed class EnsembleRun(
    IReadOnlyList<IAttack> attacks, IModule model, Tensor images, Tensor labels, int batchSize, AttackContext context, ThreatModel threat, double? epsilon = null) : IDisposable
{
    private readonly List<EnsembleBatch> _done = [];
    private readonly bool[] _robust = new bool[images.shape[0]];
    private readonly int[] _brokenBy = [.. Enumerable.Repeat(-1, (int)images.shape[0])];
    private readonly int[] _attacked = new int[attacks.Count];
    private readonly double[] _accuracyAfter = new double[attacks.Count];

    public bool[] Correct { get; private set; } = [];

    public bool[] Robust => _robust;

    public int[] BrokenBy => _brokenBy;

    public long[] Predictions { get; private set; } = [];

    /// <summary>Logits of all clean images, [N,K].</summary>
    public Tensor CleanLogits { get; private set; } = null!;

    /// <summary>What was found, the clean image elsewhere.</summary>
    public Tensor Adversarial { get; } = images.detach().clone().DetachFromDisposeScope();

    public int Unconfirmed => _done.Sum(batch => batch.Unconfirmed);

    public int ZeroGradients => _done.Sum(batch => batch.ZeroGradients);

    private int Count => _robust.Length;

    /// <summary>The clean pass. NaN logits make an image misclassified.</summary>
    public void Classify()
    {
        var parts = new List<Tensor>();
        using var scope = NewDisposeScope();
        for (var first = 0L; first < Count; first += batchSize)
        {
            context.CancellationToken.ThrowIfCancellationRequested();
            // What a model leaves in the scope must go batch by batch.
            using var step = NewDisposeScope();
            // A copy for the model, which may normalise in place what it is given.
            var part = images.narrow(0, first, Math.Min(batchSize, Count - first)).clone();
            var logits = ModelOracle.Call(model, part);
            LogitsGuard.Check(logits, part, classes: 0);
            if (parts.Count > 0 && logits.shape[1] != parts[0].shape[1])
                throw new InvalidOperationException($"The model returned {logits.shape[1]} classes after {parts[0].shape[1]} before, for the images from {first} on; expected the same classes for every image.");
            parts.Add(logits.detach().MoveToOuterDisposeScope());
        }
        CleanLogits = cat(parts, 0).DetachFromDisposeScope();
        TensorGuard.LabelRange(labels, CleanLogits.shape[1]);
        var predicted = Core.Predictions.Of(CleanLogits);
        Predictions = HostRead.Array<long>(predicted);
        Correct = HostRead.Array<bool>(predicted == labels);
        Correct.CopyTo(_robust, 0);
    }

    /// <summary>Takes over what an interrupted run had finished.</summary>
    public void Resume(List<(EnsembleBatch Batch, Tensor? Points)> done)
    {
        foreach (var (batch, points) in done.Where(entry => entry.Batch.Epsilon == epsilon))
        {
            Enter(batch.Attack);
            Apply(batch, points);
            points?.Dispose();
        }
    }

    public void Attack(EnsembleState state)
    {
        var (attack, unit, cursor) = _done is [.., var last] ? (last.Attack, last.Unit, last.Cursor) : (0, 0, -1L);
        if (_done.Count > 0) Report(attack, unit, Units(attack), cursor);
        for (; attack < attacks.Count; attack++, unit = 0)
        {
            Enter(attack);
            var units = Units(attack);
            for (; unit < units; unit++, cursor = -1)
            {
                // The images after the cursor are as the unit found them, so a resumed run cuts the same batches as an uninterrupted one.
                while (Next(cursor) is { Length: > 0 } rows)
                {
                    var (batch, points) = Run(attack, unit, rows);
                    // Of the security curve only numbers are kept.
                    state.Append(batch, epsilon is null ? points : null);
                    Apply(batch, points);
                    points?.Dispose();
                    cursor = batch.Cursor;
                    Report(attack, unit, units, cursor);
                }
            }
        }
    }

    public List<AttackSummary> Summaries() => [.. attacks.Select((attack, index) =>
    {
        var batches = _done.Where(batch => batch.Attack == index).ToList();
        return new AttackSummary
        {
            Name = attack.Name,
            Attacked = _attacked[index],
            Broken = batches.Sum(batch => batch.Broken.Length),
            RobustAccuracyAfter = _accuracyAfter[index],
            SampleForwards = batches.Sum(batch => batch.Forwards),
            SampleBackwards = batches.Sum(batch => batch.Backwards),
            Elapsed = TimeSpan.FromSeconds(batches.Sum(batch => batch.Seconds)),
        };
    })];

    public void Dispose()
    {
        CleanLogits?.Dispose();
        Adversarial.Dispose();
    }

    private void Enter(int attack)
    {
        // Also for attacks that find nothing left to do.
        for (var i = _done.Count == 0 ? 0 : _done[^1].Attack + 1; i <= attack; i++)
        {
            _attacked[i] = _robust.Count(robust => robust);
            _accuracyAfter[i] = _attacked[i] / (double)Count;
        }
    }

    /// <summary>Evaluations that attacks spend on an image that resists, for progress.</summary>
    public static double Cost(IEnumerable<IAttack> attacks, long classes) => attacks.Sum(attack => UnitCost(attack) * Units(attack, classes));

    private int Units(int attack) => Units(attacks[attack], CleanLogits.shape[1]);

    private static int Units(IAttack attack, long classes) => attack is UnitAttack units ? units.UnitCount(classes) : 1;

    private long[] Next(long cursor)
    {
        var rows = new List<long>(Math.Min(batchSize, Count));
        for (var i = cursor + 1; i < Count && rows.Count < batchSize; i++)
            if (_robust[i]) rows.Add(i);
        return [.. rows];
    }

    private (EnsembleBatch Batch, Tensor? Points) Run(int attack, int unit, long[] rows)
    {
        var clock = Stopwatch.StartNew();
        using var scope = NewDisposeScope();
        var at = tensor(rows, device: images.device);
        var (x, y) = (images.index_select(0, at), labels.index_select(0, at));
        using var oracle = new ModelOracle(model, context with { SampleIndices = Numbers(rows), Progress = Within(attack, unit, rows) }) { Classes = CleanLogits.shape[1] };
        // All other attacks come through Perturb, which has an activity of its own.
        using var activity = attacks[attack] is UnitAttack ? AttackInstruments.Start(attacks[attack], model, x)?.SetTag("ardir.attack.unit", unit) : null;
        var (claimed, points) = Search(attacks[attack], oracle, unit, x, y, at);
        var (broken, predictions, unconfirmed, kept) = Confirm(oracle, claimed, points, x, y, rows);
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
            ZeroGradients = (int)oracle.ZeroStarts,
            Seconds = clock.Elapsed.TotalSeconds,
            Epsilon = epsilon,
        }, kept?.MoveToOuterDisposeScope());
    }

    private long[] Numbers(long[] rows) => context.SampleIndices is { } numbers ? [.. rows.Select(row => numbers[(int)row])] : rows;

    /// <summary>What an attack found and which images it claims to have broken; null for somebody else's attack, which makes no claims.</summary>
    private (Tensor? Claimed, Tensor Points) Search(IAttack attack, ModelOracle oracle, int unit, Tensor x, Tensor y, Tensor at)
    {
        if (attack is UnitAttack units)
        {
            var outcome = units.SearchUnit(AttackRun.Create(units, oracle, x, y).WithCleanLogits(CleanLogits.index_select(0, at)), unit);
            oracle.EnsureSound();
            return (outcome.Broken, outcome.Points);
        }
        // Copies: what it changes in place must not become the truth that it is judged by.
        var points = attack.Perturb(oracle.Counted, x.clone(), y.clone(), oracle.Context)
            ?? throw new InvalidOperationException($"The attack {attack.Name} returned null; expected images {TensorGuard.Shape(x)}.");
        if (points.IsInvalid) throw new InvalidOperationException($"The attack {attack.Name} returned a tensor that has been disposed.");
        if (!points.shape.AsSpan().SequenceEqual(x.shape) || points.dtype != x.dtype || points.device_type != x.device_type)
            throw new InvalidOperationException($"The attack {attack.Name} returned {points.dtype} {TensorGuard.Shape(points)} on {points.device}; expected {x.dtype} {TensorGuard.Shape(x)} on {x.device}.");
        return (null, points.detach());
    }

    /// <summary>A fresh forward pass and a check of the distance for every claim: no attack's word is taken.</summary>
    private (long[] Broken, long[] Predictions, int Unconfirmed, Tensor? Points) Confirm(
        ModelOracle oracle, Tensor? claimed, Tensor points, Tensor x, Tensor y, long[] rows)
    {
        var found = claimed is null ? arange(x.shape[0], device: x.device) : HostRead.Rows(claimed);
        if (found.numel() == 0) return ([], [], 0, null);
        var candidates = points.index_select(0, found);
        // A copy for the model, which may normalise in place what it is given.
        var predicted = Core.Predictions.Of(oracle.Counted.call(candidates.clone()));
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
        for (var i = 0; i < batch.Broken.Length; i++)
        {
            _robust[batch.Broken[i]] = false;
            _brokenBy[batch.Broken[i]] = batch.Attack;
            Predictions[batch.Broken[i]] = batch.Predictions[i];
        }
        if (points is not null)
        {
            using var at = tensor(batch.Broken, device: images.device);
            Adversarial.index_copy_(0, at, points);
        }
        _done.Add(batch);
        _accuracyAfter[batch.Attack] = _robust.Count(robust => robust) / (double)Count;
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
            Active = _robust.Count(robust => robust),
            SampleForwards = _done.Sum(batch => batch.Forwards),
            SampleBackwards = _done.Sum(batch => batch.Backwards),
            Fraction = fraction,
            Evaluation = new EvaluationProgress
            {
                CleanAccuracy = Correct.Count(right => right) / (double)Count,
                RobustAccuracy = _robust.Count(right => right) / (double)Count,
                Fraction = fraction,
            },
        });
    }

    private BatchProgress? Within(int attack, int unit, long[] rows) => context.Progress is null ? null : new BatchProgress(
        context.Progress, _done.Sum(batch => batch.Forwards), _done.Sum(batch => batch.Backwards), UnitCost(attacks[attack]) * rows.Length, Rest(attack, unit, rows[^1]));

    private double Spent => _done.Sum(batch => batch.Forwards + batch.Backwards);

    /// <summary>What is left to do behind an image of a unit, if every image that resists now resists to the end.</summary>
    private double Rest(int attack, int unit, long cursor)
    {
        var robust = _robust.Count(robust => robust);
        var rest = UnitCost(attacks[attack]) * _robust.Skip((int)cursor + 1).Count(robust => robust);
        for (var a = attack; a < attacks.Count; a++) rest += UnitCost(attacks[a]) * (Units(a) - (a == attack ? unit + 1 : 0)) * robust;
        return rest;
    }

    // Of another's attack nothing is known.
    private static double UnitCost(IAttack attack) => attack is UnitAttack known ? known.UnitCost : 100;
}
