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
    /// <param name="threat">Norm and budget of the perturbations.</param>
    /// <param name="options">Options; the standard version when null.</param>
    /// <exception cref="ArgumentException">An option is out of range, or options contradict each other.</exception>
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
    /// <param name="model">Takes pixels in [0,1], [N,C,H,W], and returns logits [N,K]. Runs in eval mode; the mode of every module is
    /// restored afterwards.</param>
    /// <param name="images">All images, floating point [N,C,H,W] in [0,1], on the model's device. Not changed.</param>
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
        if (AccuracyGauge.IsWatched)
        {
            AccuracyGauge.Record("clean", report.CleanAccuracy);
            AccuracyGauge.Record("robust", report.RobustAccuracy);
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
        return $"{Name} {Threat} {{ Seed = {_options.Seed}, Attacks = {attacks} }}";
    }

    private RobustnessReport Traced(IModule model, Tensor images, Tensor labels, AttackContext? context)
    {
        context = Check(model, images, labels, context);
        using var activity = AttackInstruments.Start("ardir.autoattack", this, model, images);
        try
        {
            var report = NativeCallGuard.OfProcess.Run(context.Logger, () => Run(model, images, labels, context));
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
        var seeded = context with { Seed = SeedMixer.Mix(_options.Seed, context.Seed) };
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var evaluation = new EvaluationModeScope(model);
        var clamped = Threat.Clamp(images.detach());
        var findings = new FindingList(context.Logger);
        using var probe = Probe(model, clamped, labels, seeded, findings);
        var attacks = AttackCatalog.Of(_options, Threat, probe.Classes);
        var share = ShareBeforeCurve(attacks, probe.Classes);
        using var run = new EnsembleRun(attacks, model, clamped, labels, _options.BatchSize, Part(seeded, 0, share), Threat);
        var identity = Identify(probe, model, images, labels, context, attacks);
        using var state = EnsembleState.Open(_options.StatePath, identity, images, out var done);
        run.Classify();
        run.Resume(done);
        run.Attack(state);
        var (facts, tally) = (run.Facts(), run.Tally);
        facts.AddTo(findings, Depth);
        probe.LookAtGradients(tally.Correct, tally.Robust);
        var curve = Curve(model, clamped, labels, seeded, share, state, done);
        CurvePoint.FactsOf(curve, (int)images.shape[0]).AddTo(findings, ProbeDepth.Doubts);
        var data = Describe(model, probe.Classes, context.Seed, tally, facts.Attacks, findings, curve);
        return new RobustnessReport(data, images.alias(), labels.alias(), run.Adversarial.clone());
    }

    private ReportData Describe(
        IModule model, long classes, ulong contextSeed, EnsembleTally tally, IReadOnlyList<AttackSummary> attacks, FindingList findings,
        List<CurvePoint> curve) => new()
    {
        Threat = Threat,
        Version = _options.Version,
        Seed = _options.Seed,
        ContextSeed = contextSeed,
        Classes = (int)classes,
        Model = Fingerprint.Of(model),
        Correct = tally.Correct,
        Robust = tally.Robust,
        BrokenBy = tally.BrokenBy,
        Predictions = tally.Predictions,
        Attacks = attacks,
        Notes = tally.Notes,
        Findings = findings.Sorted,
        SecurityCurve = [.. curve.Select(point => (point.Epsilon, point.RobustAccuracy))],
    };

    private ProbeDepth Depth => _options.Diagnose ? ProbeDepth.All : ProbeDepth.Doubts;

    private ModelProbe Probe(IModule model, Tensor images, Tensor labels, AttackContext context, FindingList findings)
    {
        var count = Math.Min(_options.BatchSize, images.shape[0]);
        var (first, itsLabels) = (images.narrow(0, 0, count), labels.narrow(0, 0, count));
        var logits = ModelProbe.Ask(model, first);
        TensorGuard.LabelRange(labels, logits.shape[1]);
        var settings = ProbeSettings.Of(Depth, AttackCatalog.Of(_options, Threat, logits.shape[1])) with
        {
            ExpectsNoise = _options.Version == AutoAttackVersion.Rand,
        };
        if (settings.ExpectsNoise) settings = settings with { ClassesNeeded = ClassesOfRatio };
        return new ModelProbe(model, (first, itsLabels, logits), settings, context, findings);
    }

    /// <summary>The caller's attacks of a custom ensemble; empty for all other versions, which have their own.</summary>
    IReadOnlyList<IAttack> ICompositeAttack.Attacks => _options.Attacks ?? [];

    // The options that its result depends on; the other versions consist of attacks of this library.
    IReadOnlyList<object?>? IStatesIdentity.IdentityParts => [Name, Threat, _options.Seed, _options.Attacks];

    private AttackContext Check(IModule model, Tensor images, Tensor labels, AttackContext? context)
    {
        ArgumentNullException.ThrowIfNull(model);
        context ??= new AttackContext();
        Attack.CheckInputs(Threat, images, labels, context);
        EnsembleThreat.CheckShape(AttackCatalog.Of(_options, Threat, ClassesOfRatio), images);
        if (context.Targets is not null)
            throw new ArgumentException("AutoAttack is untargeted; context.Targets must be null.", nameof(context));
        context.CancellationToken.ThrowIfCancellationRequested();
        return context;
    }

    private Dictionary<string, string> Identify(
        ModelProbe probe, IModule model, Tensor images, Tensor labels, AttackContext context, IReadOnlyList<IAttack> attacks)
    {
        if (_options.StatePath is null) return [];
        using var invariant = new InvariantCultureScope();
        return new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["format"] = "5",
            ["library"] = typeof(AutoAttack).Assembly.GetName().Version!.ToString(),
            ["threat model"] = Threat.ToString(),
            ["version"] = $"{_options.Version}",
            ["attacks"] = AttackIdentity.Of(attacks),
            ["seed"] = $"{_options.Seed} of the options, {context.Seed} of the context",
            ["sample numbers"] = context.SampleIndices is { } numbers
                ? Fingerprint.Of(("numbers", tensor(numbers.ToArray(), device: CPU)))
                : "0 to N-1",
            ["batch size"] = $"{_options.BatchSize}",
            ["images"] = Fingerprint.Of(("images", images)),
            ["labels"] = Fingerprint.Of(("labels", labels)),
            ["model"] = $"{model.GetType().Name} {(ShowsWeights(model) ? Fingerprint.Of(model) : probe.Answer())}",
        };
    }

    // A security curve is refused for other threat models.
    private NormThreatModel Ball => (NormThreatModel)Threat;

    private static bool ShowsWeights(IModule model) => model is nn.Module module && module.state_dict().Count > 0;

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
        IModule model, Tensor images, Tensor labels, AttackContext context, double share, EnsembleState state,
        List<(EnsembleBatch Batch, Tensor? Points)> done)
    {
        var points = new List<CurvePoint>();
        foreach (var epsilon in _options.SecurityCurve)
        {
            var (threat, part) = (Ball.WithEpsilon(epsilon), CurvePart(context, share, points.Count));
            IAttack[] attacks = [new TargetedApgdAttack(threat)];
            using var run = new EnsembleRun(attacks, model, images, labels, _options.BatchSize, part, threat, epsilon);
            run.Classify();
            run.Resume(done);
            run.Attack(state);
            points.Add(new CurvePoint(epsilon, run.Tally.RobustAccuracy, run.Facts()));
        }
        return points;
    }
}
