using System.Diagnostics;
using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>One evaluation by <see cref="RobustnessEvaluator"/>: for every batch the clean pass, the attack on the images that are
/// classified correctly, and a forward pass that checks its result.</summary>
/// <param name="model">Counts all passes; its context is that of this rank.</param>
/// <param name="data">What is evaluated.</param>
/// <param name="attack">The attack; null for none.</param>
/// <param name="options">As the caller gave them.</param>
/// <param name="ranks">The processes that share the evaluation.</param>
internal sealed class EvaluatorRun(
    GuardedModel model, EvaluationInputs data, IAttack? attack, EvaluationOptions options, EvaluationRanks ranks) : IDisposable
{
    private readonly FindingList _findings = new(model.Context.Logger);
    private readonly EvaluatorTally _tally = new(data.Count);
    private ModelProbe? _probe;   // of the first rank only
    private Tensor? _firstRow;    // of the logits that this rank has seen
    private bool _isConstant = true;
    private long _classes;

    private bool LooksForConstants => options.Checks != EvaluationChecks.Essential;

    public RobustnessResult Run()
    {
        using var evaluation = new EvaluationModeScope(model.Model);
        using var noGrad = no_grad();
        RankAgreement.Ensure(ranks, Describe, model.Context.Logger);
        var weight = (model.Model as nn.Module)?.parameters().FirstOrDefault(parameter => parameter.is_floating_point());
        var type = weight?.dtype ?? ScalarType.Float32;
        var batches = (int)((data.Count + (long)options.BatchSize - 1) / options.BatchSize);
        using var format = ranks.Enter(model.Context.MemoryFormat, model.Model, () => FirstInputs(type));
        using var cheaper = PassScopes.Enter(model.Context, model.Model);
        ConvolutionCheck.Ensure(model.Model);
        using var own = data.Batches(options, type, ranks).GetEnumerator();
        for (var first = 0; first < batches; first += ranks.Size)
            ranks.Round(
                Math.Min(ranks.Size, batches - first),
                _ =>
                {
                    own.MoveNext();
                    return Measure(own.Current.Inputs, own.Current.Labels, own.Current.First);
                },
                RankCodec.Json(RankJson.Default.EvaluatorBatch),
                Take);
        var result = new RobustnessResult { Correct = _tally.Correct, Robust = _tally.Robust, Findings = Findings(IsConstant()) };
        return attack is null ? result : result with { Attacks = [_tally.Summary(attack.Name, result.RobustAccuracy)] };
    }

    public void Dispose()
    {
        _probe?.Dispose();
        _firstRow?.Dispose();
    }

    // Owned by the caller, in contrast to the batches, which end with their enumeration.
    private Tensor FirstInputs(ScalarType type)
    {
        using var batches = data.Batches(options, type, ranks).GetEnumerator();
        batches.MoveNext();
        return batches.Current.Inputs.clone();
    }

    private void Take(EvaluatorBatch batch)
    {
        _tally.Add(batch);
        if (ranks.IsFirst) options.Progress?.Report(_tally.Correct.Count);
    }

    private EvaluatorBatch Measure(Tensor inputs, Tensor labels, long first)
    {
        using var scope = NewDisposeScope();
        var batch = Classify(inputs, labels);
        return attack is null ? batch : Resist(attack, inputs, labels, batch, first);
    }

    private EvaluatorBatch Classify(Tensor images, Tensor labels)
    {
        var logits = model.Answer(images);
        TensorGuard.LabelRange(labels, logits.shape[1], data.LabelsName);
        var (right, predicted) = Verdict.Read(logits, labels);
        _classes = logits.shape[1];
        var batch = new EvaluatorBatch { Correct = right, Robust = right, NanImages = predicted.Count(answer => answer == _classes) };
        if (!LooksForConstants) return batch;
        _firstRow ??= logits.narrow(0, 0, 1).clone().DetachFromDisposeScope();
        _isConstant = _isConstant && _firstRow.shape[1] == logits.shape[1] && HostRead.Bool((logits == _firstRow).all());
        // The first rank has the first batch.
        if (ranks.IsFirst) _probe ??= new ModelProbe(model, (images, labels, logits), Settings(), _findings);
        return batch;
    }

    private ProbeSettings Settings() => attack is null
        ? ProbeSettings.Of(options.Checks)
        : ProbeSettings.Of(options.Checks, attack);

    private EvaluatorBatch Resist(IAttack attack, Tensor images, Tensor labels, EvaluatorBatch batch, long first)
    {
        long[] rows = [.. Enumerable.Range(0, batch.Correct.Length).Where(i => batch.Correct[i]).Select(i => (long)i)];
        if (rows.Length == 0) return batch;
        var clock = Stopwatch.StartNew();
        var at = tensor(rows, device: images.device);
        var (x, y) = (images.index_select(0, at), labels.index_select(0, at));
        var notes = new AttackNotes();
        long[] numbers = [.. rows.Select(row => first + row)];
        using var guarded = new GuardedModel(
            model.AsModule,
            model.Context with { SampleIndices = numbers, Notes = notes, MemoryFormat = MemoryFormat.Contiguous });
        // Copies, so that an attack which changes its inputs in place cannot alter what its result is checked against.
        var adversarial = AttackAnswer.Check(attack, attack.Perturb(guarded.AsModule, x.clone(), y.clone(), guarded.Context), x);
        AttackInstruments.Spent(attack, activity: null, guarded);
        var verdict = Verdict.Judge(guarded, attack.Threat, x, adversarial, (y, null));
        if (!HostRead.Bool(verdict.Inside.all()))
            throw new InvalidOperationException(
                $"{attack.Name} returned images outside {attack.Threat}, which would count as successes. The attack is at fault: " +
                "project its result with Threat.Project.");
        return EvaluatorTally.Attacked(batch, verdict, guarded, _classes, clock.Elapsed);
    }

    /// <summary>Whether all images have exactly the same logits, also those that other ranks have seen.</summary>
    private bool IsConstant()
    {
        if (!LooksForConstants) return false;
        if (!ranks.AreAlone)
        {
            // NaN equals nothing: a rank whose images differ says so with it. One that saw no image says nothing.
            var rows = ranks.FromAll(OwnRow, RankCodec.Json(RankJson.Default.DoubleArray)).Where(row => row.Length > 0).ToList();
            _isConstant = rows.TrueForAll(row => row.Length == rows[0].Length && row.Zip(rows[0]).All(pair => pair.First == pair.Second));
        }
        return _isConstant && !EvaluationFacts.AreAllTheSame(data.All);
    }

    private double[] OwnRow()
    {
        if (_firstRow is null) return [];
        using var precise = _firstRow.to(ScalarType.Float64);
        return _isConstant ? HostRead.Array<double>(precise) : [double.NaN];
    }

    private List<EvaluationFinding> Findings(bool isConstant) => ranks.FromFirst(
        () =>
        {
            _tally.Facts(attack?.Name, isConstant).AddTo(_findings, options.Checks);
            _probe?.LookAtGradients(_tally.Correct, _tally.Robust);
            return _findings.Sorted;
        },
        RankCodec.Json(RankJson.Default.ListEvaluationFinding));

    private Dictionary<string, string> Describe() =>
        new(RankAgreement.Describe(model.Model, data.All, data.Labels, model.Context), StringComparer.Ordinal)
        {
            ["attack"] = RankAgreement.Of(attack),
            ["threat model"] = RankAgreement.Of(attack?.Threat),
            ["batch size"] = RankAgreement.Of(options.BatchSize),
            ["checks"] = RankAgreement.Of(options.Checks),
            ["dtype"] = RankAgreement.Of(options.DType),
        };
}
