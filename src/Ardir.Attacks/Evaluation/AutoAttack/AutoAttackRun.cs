using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>One evaluation by <see cref="AutoAttack"/>: checks of the model, clean images, attacks, security curve, report.</summary>
/// <param name="threat">Of the ensemble.</param>
/// <param name="options">Of the ensemble.</param>
/// <param name="ranks">The processes that share the evaluation.</param>
/// <param name="given">The context as the caller gave it.</param>
internal sealed class AutoAttackRun(ThreatModel threat, AutoAttackOptions options, EvaluationRanks ranks, AttackContext given) : IDisposable
{
    /// <summary>How many classes the ratio loss needs.</summary>
    public const int ClassesOfRatio = 3;

    // The format holds for the whole evaluation, so its attacks need not ask for it.
    private readonly AttackContext _context = ranks.Quiet(given) with
    {
        Seed = SeedMixer.Mix(options.Seed, given.Seed), MemoryFormat = MemoryFormat.Contiguous,
    };

    private readonly FindingList _findings = new(ranks.Quiet(given).Logger);
    private ModelProbe? _probe;   // of the first rank only
    private EnsembleState? _state;

    private EvaluationChecks Checks => options.Diagnose ? EvaluationChecks.All : EvaluationChecks.Essential;

    // A security curve is refused for other threat models.
    private NormThreatModel Ball => (NormThreatModel)threat;

    /// <summary>Evaluates.</summary>
    /// <param name="model">The model.</param>
    /// <param name="images">As the caller gave them.</param>
    /// <param name="labels">As the caller gave them.</param>
    public RobustnessReport Run(IModule model, Tensor images, Tensor labels)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var guarded = new GuardedModel(model, _context);
        using var evaluation = new EvaluationModeScope(guarded.Model);
        RankAgreement.Ensure(
            ranks, () => AttackIdentity.Agreement(options, threat, guarded.Model, (images, labels), given), _context.Logger);
        using var format = ranks.Enter(
            given.MemoryFormat, guarded.Model, () => images[..Math.Min(options.BatchSize, (int)images.shape[0])]);
        using var cheaper = PassScopes.Enter(given, guarded.Model);
        ConvolutionCheck.Ensure(guarded.Model);
        var task = new EnsembleTask
        {
            Attacks = [], Threat = threat, Model = guarded, Images = threat.Clamp(images.detach()), Labels = labels,
            BatchSize = options.BatchSize, Context = _context, Ranks = ranks,
        };
        using var clean = CleanAnswers.Of(task);
        var classes = clean.Logits.shape[1];
        ranks.FromFirst(() => (_probe = Probe(task, clean)).Classes, RankCodec.Int64);
        task = task with { Attacks = AttackCatalog.Of(options, threat, classes) };
        var share = ShareBeforeCurve(task.Attacks, classes);
        using var run = new EnsembleRun(task with
        {
            Context = Part(_context, 0, share), Sampled = SampledAttack.Of(options, task.Attacks),
        });
        var done = Open(task, images);
        run.Begin(clean);
        run.Resume(done);
        run.Attack(_state!);
        LookAt(run);
        var curve = Curve(task, share, clean, done);
        var data = Describe(run.Tally, (int)classes, Findings(curve, task.Count), curve) with
        {
            ContextSeed = given.Seed, Model = Fingerprint.Of(guarded.Model), SquareSample = run.Sampling,
            GivesUp = GivingUp.Names(task.Attacks, given.EotSamples),
            SearchPrecision = LowPrecision.Applies(guarded.Model) ? given.SearchPrecision : SearchPrecision.Full,
        };
        return new RobustnessReport(data, images.alias(), labels.alias(), run.Adversarial.clone());
    }

    public void Dispose()
    {
        _state?.Dispose();
        _probe?.Dispose();
    }

    private ReportData Describe(
        EnsembleTally tally, int classes, IReadOnlyList<EvaluationFinding> findings, List<CurvePoint> curve) => new()
    {
        Threat = threat,
        Version = options.Version,
        Seed = options.Seed,
        Classes = classes,
        Correct = tally.Correct,
        Robust = tally.Robust,
        BrokenBy = tally.BrokenBy,
        Predictions = tally.Predictions,
        Attacks = tally.Summaries(),
        Notes = tally.Notes,
        Budget = tally.Budget(),
        BudgetCounts = tally.BatchCounts,
        Findings = findings,
        SecurityCurve = [.. curve.Select(point => (point.Epsilon, point.RobustAccuracy))],
    };

    private ModelProbe Probe(EnsembleTask task, CleanAnswers clean)
    {
        var count = Math.Min(task.BatchSize, task.Count);
        Tensor First(Tensor all) => all.narrow(0, 0, count);
        var logits = First(clean.Logits);
        var settings = ProbeSettings.Of(Checks, AttackCatalog.Of(options, threat, logits.shape[1])) with
        {
            ExpectsNoise = options.Version == AutoAttackVersion.Rand,
        };
        if (settings.ExpectsNoise) settings = settings with { ClassesNeeded = ClassesOfRatio };
        return new ModelProbe(task.Model, (First(task.Images), First(task.Labels), logits), settings, _findings);
    }

    /// <summary>Opens the state file of the first rank and tells all ranks which batches are in it. They need not see the same
    /// disk.</summary>
    private List<(EnsembleBatch Batch, Tensor? Points)> Open(EnsembleTask task, Tensor images)
    {
        List<(EnsembleBatch Batch, Tensor? Points)> stored = [];
        var count = ranks.FromFirst(
            () =>
            {
                var identity = options.StatePath is null ? [] : AttackIdentity.Describe(options, task, _probe!, images, given);
                _state = EnsembleState.Open(options.StatePath, identity, images, out stored);
                return stored.Count;
            },
            RankCodec.Int64);
        _state ??= EnsembleState.Open(null, new Dictionary<string, string>(), images, out _);
        if (ranks.AreAlone) return stored;
        // One by one, because together they may be more bytes than an array can hold.
        var (done, codec) = (new List<(EnsembleBatch Batch, Tensor? Points)>(), EnsembleRecord.Codec(images));
        for (var i = 0; i < count; i++) done.Add(ranks.FromFirst(() => stored[done.Count], codec));
        return done;
    }

    /// <summary>The findings that need no security curve; the checks of the gradients call the model.</summary>
    private void LookAt(EnsembleRun run) => ranks.FromFirst(
        () =>
        {
            run.Facts().AddTo(_findings, Checks);
            _probe!.LookAtGradients(run.Tally.Correct, run.Tally.Robust);
            return 0L;
        },
        RankCodec.Int64);

    private List<EvaluationFinding> Findings(List<CurvePoint> curve, int images) => ranks.FromFirst(
        () =>
        {
            CurvePoint.FactsOf(curve, images).AddTo(_findings, EvaluationChecks.Essential);
            return _findings.Sorted;
        },
        RankCodec.Json(RankJson.Default.ListEvaluationFinding));

    private double ShareBeforeCurve(IReadOnlyList<IAttack> attacks, long classes)
    {
        var before = EnsembleRun.Cost(attacks, classes);
        var curve = EnsembleRun.Cost(options.SecurityCurve.Select(_ => new TargetedApgdAttack(threat)), classes);
        return before / (before + curve);
    }

    private static AttackContext Part(AttackContext context, double from, double to, ThreatModel? curve = null) =>
        context.Progress is { } progress ? context with { Progress = new PartProgress(progress, from, to, curve) } : context;

    private AttackContext CurvePart(double share, int point)
    {
        var each = (1 - share) / options.SecurityCurve.Count;
        return Part(_context, share + each * point, share + each * (point + 1), Ball.WithEpsilon(options.SecurityCurve[point]));
    }

    /// <summary>The points of the security curve.</summary>
    private List<CurvePoint> Curve(
        EnsembleTask task, double share, CleanAnswers clean, List<(EnsembleBatch Batch, Tensor? Points)> done)
    {
        var points = new List<CurvePoint>();
        foreach (var epsilon in options.SecurityCurve)
        {
            var ball = Ball.WithEpsilon(epsilon);
            using var run = new EnsembleRun(task with
            {
                Attacks = [new TargetedApgdAttack(ball, new TargetedApgdOptions { GiveUp = !options.Exhaustive })],
                Threat = ball,
                Epsilon = epsilon,
                Context = CurvePart(share, points.Count),
            });
            run.Begin(clean);
            run.Resume(done);
            run.Attack(_state!);
            points.Add(new CurvePoint(epsilon, run.Tally.RobustAccuracy, run.Facts()));
        }
        return points;
    }
}
