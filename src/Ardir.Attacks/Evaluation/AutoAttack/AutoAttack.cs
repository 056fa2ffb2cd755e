using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>
/// AutoAttack (Croce and Hein 2020): an ensemble of attacks that need no tuning, worst case per image. Broken images are not attacked
/// again, the remaining ones are packed into full batches after every unit, and every success is confirmed by a fresh forward pass
/// and a check of its distance.
/// </summary>
/// <example><code>
/// var attack = new AutoAttack(ThreatModel.Linf(8 / 255.0), new AutoAttackOptions { StatePath = "run.state" });
/// using RobustnessReport report = attack.Evaluate(model, images, labels);
/// Console.WriteLine($"{report.CleanAccuracy:P2} clean, {report.RobustAccuracy:P2} robust");
/// </code></example>
public sealed class AutoAttack : ICompositeAttack, IStatesIdentity
{
    private const int ClassesOfRatio = 3;

    private readonly AutoAttackOptions _options;

    /// <summary>Creates the ensemble.</summary>
    /// <param name="threat">A norm ball; for another one choose the attacks yourself (<see cref="AutoAttackVersion.Custom"/>).</param>
    /// <param name="options">Options; the standard version when null.</param>
    /// <exception cref="ArgumentException">An option is out of range, options contradict each other, or an attack of the version cannot
    /// work with the threat model.</exception>
    public AutoAttack(ThreatModel threat, AutoAttackOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(threat);
        options ??= new AutoAttackOptions();
        options.Validate();
        // Copies, so that later changes to the caller's lists have no effect here.
        (Threat, _options) = (threat, options with
        {
            Attacks = options.Attacks?.ToArray(),
            SecurityCurve = [.. options.SecurityCurve.Distinct().Order()],
        });
        if (threat is NormThreatModel { Norm: PerturbationNorm.Linf } && _options.SecurityCurve.Any(epsilon => epsilon > 1))
            throw new ArgumentException(
                $"SecurityCurve holds {_options.SecurityCurve.Max():R}; a Linf budget above 1 leaves the pixel box [0,1]. " +
                "Write 8/255.0 for 8.", nameof(options));
        EnsembleThreat.Check(threat, _options);
        if (_options.Attacks?.FirstOrDefault(attack => attack.Threat != threat) is { } other)
            throw new ArgumentException(
                $"{other.Name} has the threat model {other.Threat}; expected {threat}, that of the ensemble.", nameof(options));
    }

    /// <inheritdoc/>
    public string Name => $"AutoAttack-{_options.Version.ToString().ToLowerInvariant()}";

    /// <inheritdoc/>
    public ThreatModel Threat { get; }

    /// <inheritdoc/>
    public bool CoversThreat => _options.Attacks?.Any(attack => attack.CoversThreat) ?? true;

    /// <summary>Evaluates a model.</summary>
    /// <param name="model">Takes inputs like these and returns logits [N,K]. Runs in eval mode; the mode of every module is
    /// restored afterwards.</param>
    /// <param name="images">All inputs, floating point [N,...] (the standard version: [N,C,H,W]) within the bounds of
    /// the threat model, on the model's device. Not changed.</param>
    /// <param name="labels">True classes, int64 [N].</param>
    /// <param name="context">Seed (mixed with that of the options), cancellation, logging, progress, and sample numbers; targets must
    /// be null.</param>
    /// <returns>The report, owned by the caller alone: no dispose scope disposes it.</returns>
    /// <exception cref="ArgumentException">Wrong dtype, shape, range or device, NaN, an empty batch, or targets.</exception>
    /// <exception cref="InvalidOperationException">The model misbehaves, or the state file belongs to another evaluation; the message
    /// names the differences.</exception>
    /// <exception cref="NativeArgumentFreedException">The garbage collector freed a tensor that a native call was using.</exception>
    /// <exception cref="IOException">The state file cannot be written.</exception>
    /// <exception cref="OperationCanceledException">The context's token was cancelled; finished batches are in the state file.</exception>
    public RobustnessReport Evaluate(IModule model, Tensor images, Tensor labels, AttackContext? context = null)
    {
        var report = Traced(model, images, labels, context);
        if (ArdirDiagnostics.IsAccuracyWatched)
        {
            ArdirDiagnostics.RecordAccuracy("clean", report.CleanAccuracy);
            ArdirDiagnostics.RecordAccuracy("robust", report.RobustAccuracy);
        }
        return report;
    }

    /// <inheritdoc/>
    public Tensor Perturb(IModule model, Tensor images, Tensor labels, AttackContext? context = null)
    {
        using var report = Traced(model, images, labels, context);
        context?.Notes?.Add(report.Data.Notes, context.SampleIndices);
        using var scope = NewDisposeScope();
        return report.Adversarial.clone().MoveToOuterDisposeScope();
    }

    /// <summary>Name, threat model and options.</summary>
    /// <returns>Text for people and for comparison.</returns>
    public override string ToString()
    {
        var attacks = _options.Attacks is null ? "standard" : string.Join("; ", _options.Attacks);
        return $"{Name} {Threat} {{ Seed = {_options.Seed}{(_options.Exhaustive ? ", Exhaustive" : "")}, Attacks = {attacks} }}";
    }

    private RobustnessReport Traced(IModule model, Tensor images, Tensor labels, AttackContext? context)
    {
        context = Check(model, images, labels, context);
        using var activity = AttackInstruments.Start("ardir.autoattack", this, model, images);
        try
        {
            var report = TorchSharpRuntime.Run(context.Logger, () => Run(model, images, labels, context));
            activity?.SetTag("ardir.accuracy.clean", report.CleanAccuracy).SetTag("ardir.accuracy.robust", report.RobustAccuracy);
            return report;
        }
        catch (Exception e) when (ArdirDiagnostics.Failed(activity, e))
        {
            throw;
        }
    }

    private RobustnessReport Run(IModule model, Tensor images, Tensor labels, AttackContext context)
    {
        var seeded = context with { Seed = SeedMixer.Mix(_options.Seed, context.Seed), MemoryFormat = MemoryFormat.Contiguous };
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var guarded = new GuardedModel(model, seeded);
        using var evaluation = new EvaluationModeScope(guarded.Model);
        using var format = PassFormat.Enter(
            context.MemoryFormat, guarded.Model, images[..Math.Min(_options.BatchSize, (int)images.shape[0])]);
        var task = new EnsembleTask
        {
            Attacks = [], Threat = Threat, Model = guarded, Images = Threat.Clamp(images.detach()), Labels = labels,
            BatchSize = _options.BatchSize, Context = seeded,
        };
        var findings = new FindingList(context.Logger);
        using var probe = Probe(task, findings);
        task = task with { Attacks = AttackCatalog.Of(_options, Threat, probe.Classes) };
        var share = ShareBeforeCurve(task.Attacks, probe.Classes);
        using var run = new EnsembleRun(task with
        {
            Context = Part(seeded, 0, share), Sampled = SampledAttack.Of(_options, task.Attacks),
        });
        var identity = _options.StatePath is null ? [] : AttackIdentity.Describe(_options, task, probe, images, context);
        using var state = EnsembleState.Open(_options.StatePath, identity, images, out var done);
        run.Classify();
        run.Resume(done);
        run.Attack(state);
        run.Facts().AddTo(findings, Checks);
        probe.LookAtGradients(run.Tally.Correct, run.Tally.Robust);
        var curve = Curve(task, share, state, done);
        CurvePoint.FactsOf(curve, task.Count).AddTo(findings, EvaluationChecks.Essential);
        var data = Describe(run.Tally, (int)probe.Classes, findings, curve) with
        {
            ContextSeed = context.Seed, Model = Fingerprint.Of(guarded.Model), SquareSample = run.Sampling,
            GivesUp = GivingUp.Names(task.Attacks, context.EotSamples),
        };
        return new RobustnessReport(data, images.alias(), labels.alias(), run.Adversarial.clone());
    }

    private ReportData Describe(EnsembleTally tally, int classes, FindingList findings, List<CurvePoint> curve) => new()
    {
        Threat = Threat,
        Version = _options.Version,
        Seed = _options.Seed,
        Classes = classes,
        Correct = tally.Correct,
        Robust = tally.Robust,
        BrokenBy = tally.BrokenBy,
        Predictions = tally.Predictions,
        Attacks = tally.Summaries(),
        Notes = tally.Notes,
        Findings = findings.Sorted,
        SecurityCurve = [.. curve.Select(point => (point.Epsilon, point.RobustAccuracy))],
    };

    private EvaluationChecks Checks => _options.Diagnose ? EvaluationChecks.All : EvaluationChecks.Essential;

    private ModelProbe Probe(EnsembleTask task, FindingList findings)
    {
        var count = Math.Min(task.BatchSize, task.Count);
        var (first, itsLabels) = (task.Images.narrow(0, 0, count), task.Labels.narrow(0, 0, count));
        var logits = task.Model.Answer(first);
        TensorGuard.LabelRange(task.Labels, logits.shape[1], "labels");
        var settings = ProbeSettings.Of(Checks, AttackCatalog.Of(_options, Threat, logits.shape[1])) with
        {
            ExpectsNoise = _options.Version == AutoAttackVersion.Rand,
        };
        if (settings.ExpectsNoise) settings = settings with { ClassesNeeded = ClassesOfRatio };
        return new ModelProbe(task.Model, (first, itsLabels, logits), settings, findings);
    }

    /// <summary>The attacks that it runs on a model with enough classes for all of them.</summary>
    internal IReadOnlyList<IAttack> Parts => AttackCatalog.Of(_options, Threat, ClassesOfRatio);

    IReadOnlyList<IAttack> ICompositeAttack.Attacks => _options.Attacks ?? [];

    // The options that its result depends on; the other versions consist of attacks of this library.
    IReadOnlyList<object?>? IStatesIdentity.IdentityParts =>
        [Name, Threat, _options.Seed, _options.Exhaustive, _options.Attacks, _options.FastBound];

    private AttackContext Check(IModule model, Tensor images, Tensor labels, AttackContext? context)
    {
        ArgumentNullException.ThrowIfNull(model);
        context ??= new AttackContext();
        Attack.CheckInputs(Threat, images, labels, context);
        EnsembleThreat.CheckShape(Parts, images);
        EnsembleThreat.CheckAveraging(Parts, context.EotSamples);
        if (context.Targets is not null)
            throw new ArgumentException("AutoAttack is untargeted; context.Targets must be null.", nameof(context));
        context.CancellationToken.ThrowIfCancellationRequested();
        return context;
    }

    // A security curve is refused for other threat models.
    private NormThreatModel Ball => (NormThreatModel)Threat;

    private double ShareBeforeCurve(IReadOnlyList<IAttack> attacks, long classes)
    {
        var before = EnsembleRun.Cost(attacks, classes);
        var curve = EnsembleRun.Cost(_options.SecurityCurve.Select(_ => new TargetedApgdAttack(Threat)), classes);
        return before / (before + curve);
    }

    private static AttackContext Part(AttackContext context, double from, double to, ThreatModel? curve = null) =>
        context.Progress is { } progress ? context with { Progress = new PartProgress(progress, from, to, curve) } : context;

    private AttackContext CurvePart(AttackContext context, double share, int point)
    {
        var each = (1 - share) / _options.SecurityCurve.Count;
        return Part(context, share + each * point, share + each * (point + 1), Ball.WithEpsilon(_options.SecurityCurve[point]));
    }

    /// <summary>The points of the security curve.</summary>
    private List<CurvePoint> Curve(
        EnsembleTask task, double share, EnsembleState state, List<(EnsembleBatch Batch, Tensor? Points)> done)
    {
        var points = new List<CurvePoint>();
        foreach (var epsilon in _options.SecurityCurve)
        {
            var threat = Ball.WithEpsilon(epsilon);
            using var run = new EnsembleRun(task with
            {
                Attacks = [new TargetedApgdAttack(threat, new TargetedApgdOptions { GiveUp = !_options.Exhaustive })],
                Threat = threat,
                Epsilon = epsilon,
                Context = CurvePart(task.Context, share, points.Count),
            });
            run.Classify();
            run.Resume(done);
            run.Attack(state);
            points.Add(new CurvePoint(epsilon, run.Tally.RobustAccuracy, run.Facts()));
        }
        return points;
    }
}
