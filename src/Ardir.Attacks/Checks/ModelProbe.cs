using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>Looks at a model before and after an evaluation for reasons to doubt its result. All on the first batch, never changing the evaluation.</summary>
internal sealed class ModelProbe : IDisposable
{
    private const int RepeatedForwards = 5;
    private const double LogitTolerance = 1e-4;
    private const double ProbabilityTolerance = 1e-5;
    private const double HalfProbabilityTolerance = 1e-2;
    private const double SquareSlack = 0.002;
    private const int ClassesOfRatio = 3;
    private const int ClassesOfTargetedRatio = 4;
    private const double TinyGradient = 1e-10;
    private const double ModerateMargin = 15;   // where the gradient of the cross-entropy to the logits is still 3e-7
    private const int HugeBudgetSteps = 20;

    private readonly IModule _model;
    private readonly AutoAttackOptions _options;
    private readonly AttackContext _context;
    private readonly ThreatModel _threat;
    private readonly Tensor _all;
    private readonly Tensor _images;
    private readonly Tensor _labels;
    private readonly Tensor _logits;
    private readonly List<EvaluationFinding> _findings = [];

    public ModelProbe(IModule model, Tensor images, Tensor labels, AutoAttackOptions options, AttackContext context, ThreatModel threat)
    {
        var count = Math.Min(options.BatchSize, images.shape[0]);
        (_model, _options, _threat, _all) = (model, options, threat, images);
        _context = context with { Progress = null, SampleIndices = context.SampleIndices?.Take((int)count).ToList() };
        (_images, _labels) = (images.narrow(0, 0, count), labels.narrow(0, 0, count));
        var logits = InputWatch.Watched(_images, () => ModelOracle.Call(_model, _images));
        LogitsGuard.Check(logits, _images, classes: 0);
        _logits = logits.detach();
        TensorGuard.LabelRange(labels, _logits.shape[1]);
        if (options.Diagnose) LookAtModel();
    }

    public long Classes => _logits.shape[1];

    /// <summary>Stands for a model that shows no weights: what it says about the first batch, if it says it twice.</summary>
    public string Answer()
    {
        using var scope = NewDisposeScope();
        return HostRead.Bool((Call() == _logits).all()) ? Fingerprint.Of(("logits", _logits)) : "random";
    }

    /// <summary>All findings, in the order of their kinds.</summary>
    public List<EvaluationFinding> Findings(EnsembleRun run, IReadOnlyList<AttackSummary> attacks)
    {
        LookAtClean(run);
        LookAtAttacks(run, attacks);
        LookAtGradients(run);
        return [.. _findings.OrderBy(finding => finding.Kind)];
    }

    public void Dispose()
    {
        _images.Dispose();
        _labels.Dispose();
        _logits.Dispose();
    }

    private void LookAtModel()
    {
        using var scope = NewDisposeScope();
        if (_options.Version != AutoAttackVersion.Rand && IsRandomized())
            Add(FindingKind.Randomized, $"{RepeatedForwards} forward passes of the same images differ: the model is randomised, and one pass cannot judge an image. Use AutoAttackVersion.Rand.");
        if (AreProbabilities())
            Add(FindingKind.Probabilities, "Every row of the model's output lies in [0,1] and sums to 1: these are probabilities. Return the logits before the softmax; its saturation hides the gradients.");
        if (Classes < ClassesNeeded())
            Add(FindingKind.FewClasses, $"The model has {Classes} classes; the losses of these attacks need {ClassesNeeded()}. Their replacements for fewer classes ran, so the number is not comparable with published ones.");
        if (_model is nn.Module module && module.modules().Prepend(module).Any(child => child.training))
            Add(FindingKind.TrainMode, "A module stays in train mode after eval() was called on the model, because it overrides train(). Dropout or batch statistics make the result depend on the batch.");
        if (IsDynamic())
            Add(FindingKind.DynamicModel, "The model cannot run inside torch.inference_mode(): it seems to compute gradients while it predicts. Standard attacks do not adapt to a defence that optimises at test time.");
    }

    private bool IsRandomized()
    {
        var seen = new List<Tensor> { Unit(_logits) };
        var right = Right(_logits);
        for (var i = 1; i < RepeatedForwards; i++)
        {
            var logits = Call();
            var unit = Unit(logits);
            // Row by row: a maximum over rows would be NaN, and no noise at all, as soon as one of them is.
            if (Right(logits) != right || seen.Exists(other => HostRead.Bool((linalg.vector_norm(unit - other, 2, new long[] { 1 }, false) > LogitTolerance).any()))) return true;
            seen.Add(unit);
        }
        return false;
    }

    private long Right(Tensor logits) => HostRead.Int64((Predictions.Of(logits) == _labels).sum());

    // In float64, where the smallest divisor does not round to zero.
    private static Tensor Unit(Tensor logits)
    {
        var precise = logits.to(ScalarType.Float64);
        return precise / (linalg.vector_norm(precise, 2, new long[] { 1 }, true) + 1e-10);
    }

    private bool AreProbabilities()
    {
        var values = _logits.to(ScalarType.Float64);
        // Rounding to half precision alone moves the sum of a row by more than the usual tolerance.
        var tolerance = _logits.dtype is ScalarType.Float16 or ScalarType.BFloat16 ? HalfProbabilityTolerance : ProbabilityTolerance;
        return HostRead.Double(values.min()) > -ProbabilityTolerance && HostRead.Double(values.max()) < 1 + ProbabilityTolerance && HostRead.Double((values.sum(1) - 1).abs().max()) < tolerance;
    }

    private int ClassesNeeded() => _options.Version switch
    {
        AutoAttackVersion.Rand => ClassesOfRatio,
        AutoAttackVersion.Custom when !_options.Attacks!.Any(attack => attack is TargetedApgdAttack) => 0,
        _ => ClassesOfTargetedRatio,
    };

    private bool IsDynamic()
    {
        var fails = FailsInInferenceMode();
        // Once more outside: what a model keeps from one call to the next must not be a tensor that gradients refuse.
        using (NewDisposeScope()) Call();
        return fails;
    }

    private bool FailsInInferenceMode()
    {
        using var inference = inference_mode(true);
        try
        {
            // All of the batch, whose shape the model knows by now: what it might keep for a new shape could not be differentiated later.
            // Left to the scope: the tensor may be one that the model keeps.
            _ = Call();
            return false;
        }
        catch (Exception e) when (e is System.Runtime.InteropServices.ExternalException or InvalidOperationException)
        {
            return true;
        }
    }

    private void LookAtClean(EnsembleRun run)
    {
        using var scope = NewDisposeScope();
        var logits = run.CleanLogits;
        var nan = HostRead.Int64(logits.isnan().any(1).sum());
        if (nan > 0) Add(FindingKind.NanLogits, $"{nan} of {logits.shape[0]} clean images have NaN logits; they count as misclassified.");
        if (AllTheSame(logits) && !AllTheSame(_all))
            Add(FindingKind.ConstantLogits, "All images have exactly the same logits: the model ignores its input, or its weights were not loaded.");
    }

    private static bool AllTheSame(Tensor rows) => HostRead.Bool((rows == rows.narrow(0, 0, 1)).all());

    private void LookAtAttacks(EnsembleRun run, IReadOnlyList<AttackSummary> attacks)
    {
        if (run.ZeroGradients > 0)
            Add(FindingKind.ZeroGradient, $"The gradient was exactly zero at {run.ZeroGradients} starting points: the model saturates or quantises, and attacks with gradients cannot move there.");
        for (var i = 1; i < attacks.Count; i++)
        {
            // Against the accuracy just before: later attacks of 'plus' would hide it.
            if (attacks[i].Name.StartsWith("Square", StringComparison.Ordinal) && attacks[i].Broken > SquareSlack * run.Robust.Length)
                Add(FindingKind.SquareImproves, $"Square, which uses no gradient, broke {attacks[i].Broken} images that the attacks with gradients could not: the gradients mislead. Look for an adaptive attack.");
        }
        if (run.Unconfirmed > 0)
            Add(FindingKind.UnconfirmedSuccess, $"{run.Unconfirmed} claimed results were not wrong, or not within the budget, on inspection and were not counted. Randomness or numbers at the edge of the budget do that.");
    }

    private void LookAtGradients(EnsembleRun run)
    {
        using var scope = NewDisposeScope();
        long[] right = [.. run.Correct.Take((int)_images.shape[0]).Select((ok, i) => (ok, i)).Where(entry => entry.ok).Select(entry => (long)entry.i)];
        if (right.Length == 0) return;
        var rows = tensor(right, device: _images.device);
        var (x, y) = (_images.index_select(0, rows), _labels.index_select(0, rows));
        var context = _context with { SampleIndices = [.. right.Select(row => _context.SampleIndices?[(int)row] ?? row)] };
        using var oracle = new ModelOracle(_model, context);
        try
        {
            MeasureGradient(oracle, run.CleanLogits.index_select(0, rows), x, y);
            CompareWithFgsm(run, x, y, right, context);
            TryHugeBudget(x, y, context);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // Custom ensembles may do without a gradient that these checks ask for, and a model may return NaN or fail where only they look. What was
            // measured before, perhaps for days, stays true.
            AttackLog.ChecksEnded(_context.Logger, e.Message);
        }
    }

    private void MeasureGradient(ModelOracle oracle, Tensor logits, Tensor x, Tensor y)
    {
        var gradient = AttackRun.Create(new FgsmAttack(_threat), oracle, x, y).With(AttackLoss.CrossEntropy).Gradient(x).Gradient;
        var size = linalg.vector_norm(gradient.flatten(1), 2, new long[] { 1 }, false);
        var margin = MarginAttackLoss.Margin(logits, y).neg();
        var vanishing = HostRead.Int64((size < TinyGradient).logical_and(margin < ModerateMargin).sum());
        if (vanishing > 0)
            Add(FindingKind.VanishingGradient, $"For {vanishing} of {x.shape[0]} images the gradient of the cross-entropy is below {TinyGradient:G0} although the margin is below {ModerateMargin}: the model masks its gradients.");
    }

    private void CompareWithFgsm(EnsembleRun run, Tensor x, Tensor y, long[] right, AttackContext context)
    {
        var fast = new FgsmAttack(_threat).Perturb(_model, x, y, context);
        var wrong = HostRead.Array<bool>(Predictions.Of(Call(fast)) != y);
        var missed = right.Where((image, i) => wrong[i] && run.Robust[image]).Count();
        if (missed > 0)
            Add(FindingKind.WeakerThanFgsm, $"One FGSM step breaks {missed} images of the first batch that the whole ensemble left unbroken: its gradients or its randomness mislead it.");
    }

    private void TryHugeBudget(Tensor x, Tensor y, AttackContext context)
    {
        var values = x.numel() / x.shape[0];
        var epsilon = _threat.Norm switch { PerturbationNorm.Linf => 0.5, PerturbationNorm.L2 => 0.5 * Math.Sqrt(values), _ => 0.5 * values };
        var huge = _threat.WithEpsilon(epsilon);
        // The margin, because the gradient of the cross-entropy vanishes where a model is merely confident.
        var attack = new PgdAttack(huge, new PgdOptions { Steps = HugeBudgetSteps, StepSize = epsilon / 5, SparseFraction = 1, Loss = AttackLoss.Margin, Selection = PgdSelection.FirstSuccess });
        var points = attack.Perturb(_model, x, y, context);
        var resisting = HostRead.Int64((Predictions.Of(Call(points)) == y).sum());
        if (resisting > 0.1 * x.shape[0])
            Add(FindingKind.ResistsHugeBudget, $"{resisting} of {x.shape[0]} images resist {HugeBudgetSteps} steps of PGD within {huge}, where every image can be made grey: the attack does not get through to the model.");
    }

    private Tensor Call() => Call(_images);

    // A copy, because a model may normalise in place what it is given.
    private Tensor Call(Tensor images)
    {
        _context.CancellationToken.ThrowIfCancellationRequested();
        var copy = images.clone();
        var logits = ModelOracle.Call(_model, copy);
        LogitsGuard.Check(logits, copy, Classes);
        if (!ReferenceEquals(logits, copy)) copy.Dispose();
        return logits;
    }

    private void Add(FindingKind kind, string message)
    {
        _findings.Add(new EvaluationFinding(kind, message));
        AttackLog.Finding(_context.Logger, kind, message);
    }
}
