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
    /// <exception cref="InvalidOperationException">The model misbehaves, or the state file belongs to another evaluation, or other
    /// processes evaluate something else (<see cref="AutoAttackOptions.Collective"/>); the message names the differences.</exception>
    /// <exception cref="NativeArgumentFreedException">The garbage collector freed a tensor that a native call was using.</exception>
    /// <exception cref="IOException">The state file cannot be written.</exception>
    /// <exception cref="OperationCanceledException">The context's token, or that of another process, was cancelled; finished batches
    /// are in the state file.</exception>
    public RobustnessReport Evaluate(IModule model, Tensor images, Tensor labels, AttackContext? context = null)
    {
        var report = Traced(model, images, labels, context, _options.Collective);
        // Once for an evaluation, however many processes share it.
        if (ArdirDiagnostics.IsAccuracyWatched && _options.Collective.Rank == 0)
        {
            ArdirDiagnostics.RecordAccuracy("clean", report.CleanAccuracy);
            ArdirDiagnostics.RecordAccuracy("robust", report.RobustAccuracy);
        }
        return report;
    }

    /// <inheritdoc/>
    public Tensor Perturb(IModule model, Tensor images, Tensor labels, AttackContext? context = null)
    {
        // Other processes may be elsewhere, or have other images.
        using var report = Traced(model, images, labels, context, SoloCollective.Instance);
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

    private RobustnessReport Traced(IModule model, Tensor images, Tensor labels, AttackContext? context, ICollective collective)
    {
        context = Check(model, images, labels, context);
        // With several processes the others must hear of it.
        if (collective.Size == 1) context.CancellationToken.ThrowIfCancellationRequested();
        using var activity = AttackInstruments.Start("ardir.autoattack", this, model, images);
        try
        {
            using var run = new AutoAttackRun(Threat, _options, new EvaluationRanks(collective, context.CancellationToken), context);
            var report = TorchSharpRuntime.Run(context.Logger, () => run.Run(model, images, labels));
            activity?.SetTag("ardir.accuracy.clean", report.CleanAccuracy).SetTag("ardir.accuracy.robust", report.RobustAccuracy);
            return report;
        }
        catch (Exception e) when (ArdirDiagnostics.Failed(activity, e))
        {
            throw;
        }
    }

    /// <summary>The attacks that it runs on a model with enough classes for all of them.</summary>
    internal IReadOnlyList<IAttack> Parts => AttackCatalog.Of(_options, Threat, AutoAttackRun.ClassesOfRatio);

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
        return context;
    }
}
