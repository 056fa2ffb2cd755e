using System.Diagnostics;
using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>One evaluation by <see cref="RobustnessEvaluator"/>: for every batch the clean pass, the attack on the images that are
/// classified correctly, and a forward pass that checks its result.</summary>
internal sealed class EvaluatorRun(GuardedModel model, EvaluationInputs data, IAttack? attack, EvaluationOptions options) : IDisposable
{
    private readonly List<bool> _correct = new(data.Count);
    private readonly List<bool> _robust = new(data.Count);
    private readonly FindingList _findings = new(model.Context.Logger);
    private ModelProbe? _probe;
    private Tensor? _firstRow;       // of the logits
    private bool _isConstant = true;
    private int _nanImages;
    private long _classes;
    private readonly EvaluatorTally _tally = new();
    private ChannelsLastScope? _format;

    public RobustnessResult Run()
    {
        using var evaluation = new EvaluationModeScope(model.Model);
        using var noGrad = no_grad();
        var weight = (model.Model as nn.Module)?.parameters().FirstOrDefault(parameter => parameter.is_floating_point());
        foreach (var (inputs, labels, first) in data.Batches(options, weight?.dtype ?? ScalarType.Float32))
        {
            using var scope = NewDisposeScope();
            // Once for all batches, clean passes and attacks.
            if (_correct.Count == 0) _format = PassFormat.Enter(model.Context.MemoryFormat, model.Model, inputs);
            var right = Classify(inputs, labels);
            _correct.AddRange(right);
            _robust.AddRange(attack is null ? right : Resists(attack, inputs, labels, right, first));
            options.Progress?.Report(_correct.Count);
        }
        Facts().AddTo(_findings, options.Checks);
        _probe?.LookAtGradients(_correct, _robust);
        var result = new RobustnessResult { Correct = _correct, Robust = _robust, Findings = _findings.Sorted };
        return attack is null ? result : result with { Attacks = [_tally.Summary(attack.Name, result.RobustAccuracy)] };
    }

    public void Dispose()
    {
        _format?.Dispose();
        _probe?.Dispose();
        _firstRow?.Dispose();
    }

    private bool[] Classify(Tensor images, Tensor labels)
    {
        var logits = model.Answer(images);
        TensorGuard.LabelRange(labels, logits.shape[1], data.LabelsName);
        var (right, predicted) = Verdict.Read(logits, labels);
        _classes = logits.shape[1];
        _nanImages += predicted.Count(answer => answer == _classes);
        if (options.Checks == EvaluationChecks.Essential) return right;
        _firstRow ??= logits.narrow(0, 0, 1).clone().DetachFromDisposeScope();
        _isConstant = _isConstant && _firstRow.shape[1] == logits.shape[1] && HostRead.Bool((logits == _firstRow).all());
        _probe ??= new ModelProbe(model, (images, labels, logits), Settings(), _findings);
        return right;
    }

    private ProbeSettings Settings() => attack is null
        ? ProbeSettings.Of(options.Checks)
        : ProbeSettings.Of(options.Checks, attack);

    private bool[] Resists(IAttack attack, Tensor images, Tensor labels, bool[] right, long first)
    {
        long[] rows = [.. Enumerable.Range(0, right.Length).Where(i => right[i]).Select(i => (long)i)];
        var result = new bool[right.Length];
        if (rows.Length == 0) return result;
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
        var broken = _tally.Add(verdict, guarded, _classes, clock.Elapsed);
        for (var i = 0; i < rows.Length; i++) result[rows[i]] = !broken[i];
        return result;
    }

    private EvaluationFacts Facts()
    {
        var facts = new EvaluationFacts
        {
            Images = data.Count,
            NanImages = _nanImages,
            IsConstant = options.Checks != EvaluationChecks.Essential && _isConstant && !EvaluationFacts.AreAllTheSame(data.All),
        };
        return attack is null ? facts : _tally.AddTo(facts, attack.Name);
    }
}
