using Ardir.Core;
using Microsoft.Extensions.Logging;

namespace Ardir.Attacks;

/// <summary>
/// Base of the attacks: checks the inputs, holds the model in eval mode, runs the search and makes sure that its result lies in the
/// threat set, so that no attack can claim a success outside of it. Derive from it to write an attack of your own.
/// </summary>
public abstract class Attack : IAttack, IStatesIdentity
{
    /// <summary>Creates the base.</summary>
    /// <param name="threat">What the attack may do to an image.</param>
    protected Attack(ThreatModel threat)
    {
        ArgumentNullException.ThrowIfNull(threat);
        Threat = threat;
    }

    /// <inheritdoc/>
    public abstract string Name { get; }

    /// <inheritdoc/>
    public ThreatModel Threat { get; }

    /// <inheritdoc/>
    public virtual bool CoversThreat => true;

    /// <inheritdoc/>
    public Tensor Perturb(IModule model, Tensor images, Tensor labels, AttackContext? context = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        context ??= new AttackContext();
        CheckInputs(Threat, images, labels, context);
        CheckShape(images);
        context.CancellationToken.ThrowIfCancellationRequested();

        using var activity = AttackInstruments.Start(this, model, images);
        using var guard = new GuardedModel(model, context);
        try
        {
            return TorchSharpRuntime.Run(context.Logger, () => Perturb(guard, model, images, labels, context));
        }
        catch (Exception e) when (ArdirDiagnostics.Failed(activity, e))
        {
            throw;
        }
        finally
        {
            AttackInstruments.Spent(this, activity, guard);
        }
    }

    /// <summary>The search itself. Runs under no_grad, in eval mode and inside a dispose scope, so the tensors it creates need no
    /// disposal.</summary>
    /// <param name="run">The images and all access to the model.</param>
    /// <returns>Like the images of the run: [N,...], same dtype and device. Points outside the threat set are projected onto it, and no
    /// gradient flows through them.</returns>
    protected abstract Tensor Search(AttackRun run);

    /// <summary>Everything besides name and threat model that the result depends on: a record, or any object that
    /// <see cref="StatedIdentity"/> accepts. An evaluation or training that resumes recognises the attack by it; it also completes the
    /// text of the attack.</summary>
    /// <value>null by default: the attack has no options. One that has fields but neither this nor a <c>ToString</c> of its own cannot be
    /// part of what resumes.</value>
    protected virtual object? Options => null;

    /// <summary>Separates the random starts of this attack (<see cref="AttackRun.Start"/>) from those of other attacks with the same seed:
    /// attacks with equal keys start from the same points. A constant keeps the results of an attack when its type is renamed.</summary>
    /// <value>The name of the type by default.</value>
    protected virtual string StreamKey => GetType().Name;

    IReadOnlyList<object?>? IStatesIdentity.IdentityParts => Options is { } options ? [Name, Threat, options] : null;

    /// <summary>Name, threat model and options.</summary>
    /// <returns>For example <c>PGD-20 Linf(0.03)</c>.</returns>
    public override string ToString() => Options is { } options ? $"{Name} {Threat} {options}" : $"{Name} {Threat}";

    /// <summary>Refuses inputs of a shape with which the attack cannot work, before any work. The threat model has already checked that
    /// they are [N,...].</summary>
    /// <param name="images">Floating point, at least two dimensions.</param>
    /// <exception cref="ArgumentException">The attack is for inputs of another shape.</exception>
    protected virtual void CheckShape(Tensor images)
    {
    }

    /// <summary>Whether the attack works under <see cref="EotAttack"/>: it asks its run for one gradient per point
    /// (<see cref="AttackRun.Gradient"/>), which the run averages over the passes. One that compares the gradients of several classes
    /// (<see cref="AttackRun.Differences"/>) returns false, so that chains and ensembles refuse it before any work.</summary>
    /// <value>true by default.</value>
    protected virtual bool CanAverageGradients => true;

    /// <summary>Whether the attack may follow gradients in lower precision (<see cref="AttackContext.SearchPrecision"/>): it does not
    /// compare values of neighbouring points more closely than bfloat16 resolves them, and judges points by
    /// <see cref="AttackRun.IsAdversarial(Tensor, Tensor)"/>.</summary>
    /// <value>false by default; true for FGSM, MI-FGSM, PGD and APGD.</value>
    protected virtual bool AllowsLowPrecision => false;

    /// <summary>Whether the options alone decide how many passes the attack makes through the model, for any images. A training on several
    /// processes with synchronised batch norm needs it of an attack in train mode, because the processes exchange statistics in every pass
    /// and each of them attacks other images.</summary>
    /// <value>false by default; true for FGSM, MI-FGSM, and for PGD without restarts that does not stop at the first success.</value>
    public virtual bool HasFixedPasses => false;

    /// <summary>Whether the attack gives up samples whose progress would not bring them to success, before its schedule ends
    /// (<see cref="Prospect"/>). The report of an ensemble names the attacks that do.</summary>
    /// <param name="samples">Of how many passes each gradient is the mean (<see cref="AttackContext.EotSamples"/>).</param>
    /// <returns>false by default.</returns>
    protected virtual bool GivesUp(int samples) => false;

    /// <summary><see cref="GivesUp"/> for an evaluation.</summary>
    internal bool LeavesEarly(int samples) => GivesUp(samples);

    /// <summary><see cref="CanAverageGradients"/> for an evaluation.</summary>
    internal bool CanAverage => CanAverageGradients;

    /// <summary><see cref="CheckShape"/> for an evaluation.</summary>
    internal void EnsureShape(Tensor images) => CheckShape(images);

    /// <summary>What a run must know about this attack.</summary>
    internal AttackTraits Traits => new(Threat, Name, StreamKey, AllowsLowPrecision);

    /// <summary>What every attack refuses before any work.</summary>
    internal static void CheckInputs(ThreatModel threat, Tensor images, Tensor labels, AttackContext context)
    {
        threat.CheckInputs(images, known: context.Checked);
        TensorGuard.Labels(labels, images);
        TensorGuard.LabelRange(labels, known: context.Checked);
        if (context.SampleIndices is { } numbers && numbers.Count != images.shape[0])
        {
            throw new ArgumentException(
                $"context.SampleIndices: there are {numbers.Count} sample indices for {images.shape[0]} images; expected one per image.",
                nameof(context));
        }
        if (context.Targets is { } targets)
        {
            TensorGuard.Labels(targets, images, "context.Targets");
            TensorGuard.LabelRange(targets, name: "context.Targets");
        }
        if (is_inference_mode_enabled())
        {
            throw new InvalidOperationException(
                "Attacks need gradients, which cannot be computed inside torch.inference_mode(). Use torch.no_grad(), or leave the " +
                "inference-mode block.");
        }
    }

    private Tensor Perturb(GuardedModel guard, IModule model, Tensor images, Tensor labels, AttackContext context)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var evaluation = context.KeepModelMode ? null : new EvaluationModeScope(model);
        using var format = PassFormat.Enter(context.MemoryFormat, model, images);
        using var cheaper = PassScopes.Enter(context, model);
        ConvolutionCheck.Ensure(model);
        if (ShardPlan.Count(context, model, images) is > 1 and var shards)
            return PerturbInShards(shards, guard, images, labels).MoveToOuterDisposeScope();
        var run = AttackRun.Create(Traits, guard, images, labels);
        var found = AttackAnswer.Check(this, Search(run), images);
        if (guard.MustRepeat)
        {
            var nan = guard.CountNanAsWrong(Threat);
            run = AttackRun.Create(Traits, guard, images, labels);
            found = nan.Put(AttackAnswer.Check(this, Search(run), images));
        }
        // Compared with the caller's images, because a model that writes into its input may have changed the run's copy.
        var clean = Threat.Clamp(images.detach());
        // Before the model is blamed for NaN that a projection has made. Not within a step of training, which must not wait for the device.
        var inside = guard.Diagnostics is null ? ThreatCheck.Ensure(Threat, clean, found) : null;
        guard.EnsureSound();
        var safe = Safe(clean, found, inside ?? Threat.Contains(clean, found), context);
        if (guard.Diagnostics is null) ReportZeroGradients(guard, run, safe);
        else if (Threat is not NormThreatModel)
        {
            guard.Diagnostics.AddOutside(Threat, clean, safe, $"by the projection of {Threat.GetType()} itself, for the attack {Name}. Let "
                + "ProjectCore return finite points that come back unchanged when they are projected once more.");
        }
        return safe.MoveToOuterDisposeScope();
    }

    private Tensor PerturbInShards(int shards, GuardedModel whole, Tensor images, Tensor labels)
    {
        // Without an evaluation around it, one warning for all shards.
        var own = whole.Context.Notes is null && whole.Diagnostics is null ? new AttackNotes { CountsNan = false } : null;
        using var guard = own is null ? null : new GuardedModel(whole.AsModule, whole.Context with { Notes = own });
        var result = empty_like(images.detach());
        new ShardedRun(guard ?? whole, images, labels).Run(shards, shard => shard.Rows(result).copy_(
            Perturb(shard.Guard, shard.Guard.Model, shard.Images, shard.Labels, shard.Guard.Context)));
        if (own is not null) WarnOfZeroGradients(whole, own, labels, result);
        return result;
    }

    private void WarnOfZeroGradients(GuardedModel guard, AttackNotes notes, Tensor labels, Tensor found)
    {
        long[] zero = [.. Enumerable.Range(0, (int)found.shape[0]).Select(i => (long)i)
            .Where(i => notes.StoppedByZeroGradient(guard.Context.SampleIndices?[(int)i] ?? i))];
        if (zero.Length > 0 && guard.Context.Logger.IsEnabled(LogLevel.Warning))
            WarnOfZeroGradients(AttackRun.Create(Traits, guard, found, labels), zero, found, guard.Context.Logger);
    }

    // One more pass for these images only: a zero gradient needs no warning where the attack succeeded anyway.
    private void WarnOfZeroGradients(AttackRun run, long[] zero, Tensor found, ILogger logger)
    {
        var rows = tensor(zero, device: found.device);
        var part = run.Select(rows);
        var unbroken = HostRead.Int64(part.IsAdversarial(part.Logits(found.index_select(0, rows))).logical_not().sum());
        if (unbroken > 0) AttackLog.ZeroGradient(logger, Name, unbroken, run.Count, EvaluationTexts.ZeroGradientAdvice);
    }

    /// <summary>Reports gradients of exactly zero to the surrounding evaluation, which knows which images ended up broken, or to the
    /// logger if there is none.</summary>
    private void ReportZeroGradients(GuardedModel guard, AttackRun run, Tensor found)
    {
        var context = guard.Context;
        if (context.Notes is null && !context.Logger.IsEnabled(LogLevel.Warning)) return;
        if (guard.Gradients() is not { } gradients) return;
        context.Notes?.Add(run.Count, gradients, context.SampleIndices);
        if (context.Notes is not null || gradients.Zero.Length == 0) return;
        WarnOfZeroGradients(run, gradients.Zero, found, context.Logger);
    }

    private Tensor Safe(Tensor images, Tensor found, Tensor inside, AttackContext context)
    {
        // Sample by sample, because the result of a sample must not depend on the others in its batch.
        Tensor Repaired(Tensor repair) => where(PerSample.Of(inside, found), found, repair);
        var onDevice = context.Checked is not null && Threat.StaysOnDevice;
        if (!onDevice && HostRead.Bool(inside.all())) return found;
        var result = Repaired(onDevice ? Threat.ProjectStep(images, found) : Threat.Project(images, found, checkValues: false));
        // No projection leads from NaN into the threat set. Evaluations judge the points themselves, and with diagnostics the model may be
        // to blame, which they tell later.
        if (context is { Diagnostics: null, Notes: not { CountsNan: true } } && HostRead.Bool(result.isnan().any()))
            throw new InvalidOperationException(
                $"The search of {Name} returned NaN, although logits and gradients of the model were numbers: look for a division by " +
                "zero in the attack, such as a gradient divided by its norm.");
        return result;
    }
}
