using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>One step of Algorithm 1: craft, run both networks, compute the loss, descend.</summary>
internal sealed class TrainingStep : IDisposable
{
    private readonly TrainingSetup _setup;
    private readonly IDistillationLoss _loss;
    private readonly TrainerOptions _options;
    private readonly IFeatureTap _studentTap;
    private readonly Dictionary<NetworkRole, IFeatureTap> _taps = [];
    private readonly IReadOnlyList<NetworkPass> _passes;

    public TrainingStep(TrainingSetup setup)
    {
        (_setup, _loss, _options) = (setup, setup.Loss, setup.Options);
        _passes = InOrder(_loss.Needs.Passes);
        _studentTap = FeatureTap.Attach(setup.Student, [.. _loss.Needs.StudentLayers]);
        try
        {
            foreach (var (role, network) in setup.Networks)
                _taps[role] = FeatureTap.AttachFrozen(network, [.. _loss.Needs.LayersOf(role)]);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Taps of all networks but the student.</summary>
    public IReadOnlyDictionary<NetworkRole, IFeatureTap> Taps => _taps;

    /// <summary>Trains on one batch and adds its loss and predictions to the totals.</summary>
    /// <returns>Whether it did; false only with <see cref="NonFiniteLoss.Skip"/>.</returns>
    public bool Run(CheckedBatch batch, StepContext context)
    {
        using var scope = NewDisposeScope();
        using var grad = enable_grad();
        // Those of the step before would take memory while the attacks run.
        context.Optimizer.ClearGradients();
        if (_options.GiveBackMemory) FreedMemory.GiveBack();
        using var buffers = context.Health.Backup(context.Weights.Student, _loss.Trainable);
        // The parts of this rank, which has none where a last batch has fewer images than there are ranks.
        var parts = _setup.Ranks.Parts(batch.Count, _options.AccumulationSteps).Select(range => Craft(batch, range, context)).ToList();
        using var moved = _options.WeightPerturbation is { } awp && context.Epoch >= awp.WarmupEpochs
            ? MoveWeights(parts, awp.Gamma, context)
            : null;
        var (results, losses) = Descend(parts, context);
        if (_options.MaxGradientNorm is { } limit) GradientClip.Apply(context.Optimizer.Trained, limit);
        if (!context.Health.Accepts(losses, context.Step))
        {
            buffers?.Restore();
            return false;
        }
        context.Optimizer.Step();
        moved?.TakeBack();
        context.Weights.Publish();
        foreach (var (terms, logits, part) in results) context.Totals.Add(terms, logits, part.Labels);
        return true;
    }

    public void Dispose()
    {
        _studentTap.Dispose();
        foreach (var tap in _taps.Values.Reverse()) tap.Dispose();
    }

    /// <summary>Forward and backward passes, part by part, that leave the gradients of the batch's mean loss, at every rank.</summary>
    /// <returns>What this rank's parts gave, and the losses that decide whether the step is sound.</returns>
    private (List<(LossTerms Terms, Tensor Logits, BatchPart Part)> Parts, List<Tensor> Losses) Descend(
        List<BatchPart> parts, StepContext context)
    {
        var results = new List<(LossTerms, Tensor, BatchPart)>();
        context.Optimizer.ClearGradients();
        context.Weights.BeginGradients();
        foreach (var part in parts)
        {
            using var scope = NewDisposeScope();
            var inputs = Forward(part, context);
            var terms = _loss.Compute(inputs);
            Check(terms);
            (part.Share == 1 ? terms.Total : terms.Total * part.Share).backward();
            var logits = (inputs.StudentAdversarial ?? inputs.StudentClean ?? inputs[_passes[^1]]).Output;
            results.Add((Detached(terms), logits.detach().MoveToOuterDisposeScope(), part));
        }
        context.Weights.TakeGradients();
        var losses = results.Select(result => result.Item1.Total).ToList();
        if (context.Reduction is null) return (results, losses);
        return (results, [context.Reduction.Run(losses.Zip(parts, (loss, part) => (loss, part.Share)))]);
    }

    /// <summary>AWP: computes the gradient at the current weights and moves the weights along it. Batch-norm statistics are
    /// restored.</summary>
    private WeightMove MoveWeights(List<BatchPart> parts, double gamma, StepContext context)
    {
        using var buffers = new BufferBackup(context.Weights.Student, _loss.Trainable);
        Descend(parts, context);
        buffers.Restore();
        return new WeightMove(
            context.Weights.Trained.Select(pair => (pair.Name, (Tensor)pair.Weight)), gamma, context.Weights.Publish);
    }

    private BatchPart Craft(CheckedBatch batch, Range range, StepContext context)
    {
        var (from, count) = range.GetOffsetAndLength(batch.Count);
        var indices = context.Attack.SampleIndices ?? [.. Enumerable.Range(0, batch.Count).Select(i => (long)i)];
        if (count < batch.Count) indices = [.. indices.Skip(from).Take(count)];
        var part = new BatchPart(batch.Narrow(from, count), indices, count / (double)batch.Count);
        var attack = context.Attack with { Checked = part.Batch, SampleIndices = indices };
        if (_setup.Crafting.AsksTeacher && _passes.Contains(NetworkPass.TeacherClean))
        {
            part.TeacherClean = Ask(NetworkPass.TeacherClean, part, context);
            var known = new KnownOutput(_setup.Networks[NetworkRole.Teacher], part.Images, part.TeacherClean.Output);
            attack = attack with { Known = [known] };
        }
        // All attacks run before the tapped passes of the loss, so that no tap keeps tensors from the attacks' passes.
        foreach (var (images, by, trainMode) in _setup.Crafting.Images)
        {
            var network = images.Against == NetworkRole.Student ? context.Weights.Network : _setup.Networks[images.Against!];
            var each = attack with { KeepModelMode = trainMode, Seed = SeedOf(images, attack.Seed) };
            part.Crafted[images] = by is Attack or ICompositeAttack
                ? by.Perturb(network, part.Images, part.Labels, each)
                : Foreign(by, network, part.Batch, each);
        }
        return part;
    }

    /// <summary>Lets an attack of somebody else's craft. It may rely on the caller for the mode of the network, change or dispose what it
    /// is given, so that the losses would see other images, and return images with a graph, through which the student would
    /// descend.</summary>
    private static Tensor Foreign(IAttack by, IModule network, CheckedBatch batch, AttackContext context)
    {
        using var evaluation = context.KeepModelMode ? null : new EvaluationModeScope(network);
        var given = CheckedBatch.Trusted(batch.Images.clone(), batch.Labels.clone(), batch.Classes);
        var known = context.Known.Select(one => new KnownOutput(one.Model, given.Images, one.Logits));
        var found = by.Perturb(network, given.Images, given.Labels, context with { Checked = given, Known = [.. known] })
            ?? throw new InvalidOperationException($"The attack {by.Name} returned null; expected images like those that it was given.");
        TensorGuard.SameKind(batch.Images, found, "the batch", $"The answer of the attack {by.Name}");
        // In the first step of a run there are no diagnostics: everything is checked before the student changes.
        using var atOnce = context.Diagnostics is null ? new AttackDiagnostics() : null;
        (context.Diagnostics ?? atOnce!).Check(by.Name, by.Threat, batch.Images, found);
        atOnce?.Report();
        return found.detach();
    }

    // A copy, because a frozen network may normalise in place what it is given, and the student sees the images after it.
    private TappedOutput Ask(NetworkPass pass, BatchPart part, StepContext context)
    {
        if (context.Kept?.Find(pass, part.Indices) is { } kept) return kept;
        using var copy = part.Of(pass.Images).clone();
        using var cheaper = RunFormat.ForPassesOf(_setup.Networks[pass.Network], _options);
        return _taps[pass.Network].Forward(copy);
    }

    private DistillationInputs Forward(BatchPart part, StepContext context)
    {
        var outputs = new Dictionary<NetworkPass, TappedOutput>();
        foreach (var pass in _passes)
        {
            outputs[pass] = pass == NetworkPass.TeacherClean && part.TeacherClean is { } known ? known
                : pass.Network == NetworkRole.Student ? context.Weights.Forward(_studentTap, part.Of(pass.Images))
                : Ask(pass, part, context);
        }
        return new DistillationInputs
        {
            Labels = part.Labels, Checked = part.Batch, LabelSmoothing = _options.LabelSmoothing, Epoch = context.Epoch,
            Share = part.Share, Outputs = outputs,
        };
    }

    // The frozen networks run first, because their passes keep no graph. The student sees clean images first. The order must not depend on
    // hashes: it decides the student's batch-norm statistics and the random numbers of its dropout.
    private static NetworkPass[] InOrder(IEnumerable<NetworkPass> passes) =>
    [
        .. passes.OrderBy(pass => pass.Network == NetworkRole.Student)
            .ThenBy(pass => pass.Network.Name, StringComparer.Ordinal)
            .ThenBy(pass => pass.Images.Against is not null)
            .ThenBy(pass => pass.Images.Against?.Name, StringComparer.Ordinal)
            .ThenBy(pass => pass.Images.View, StringComparer.Ordinal),
    ];

    // Each source has random numbers of its own.
    private static ulong SeedOf(ImageSource images, ulong seed)
    {
        if (images == ImageSource.Adversarial) return seed;
        var ofNetwork = SeedMixer.Mix(seed, images.Against!.Name);
        return images.View.Length == 0 ? ofNetwork : SeedMixer.Mix(ofNetwork, images.View);
    }

    private void Check(LossTerms terms)
    {
        if (terms is null) throw new InvalidOperationException($"The loss {_loss.Name} returned null.");
        if (terms.Total.numel() != 1 || !terms.Total.requires_grad)
            throw new InvalidOperationException(
                $"The loss {_loss.Name} returned a total of shape {TensorGuard.Shape(terms.Total)}" +
                $"{(terms.Total.requires_grad ? "" : " without a graph")}; expected a scalar that depends on the student's output.");
        foreach (var (name, part) in terms.Parts)
        {
            if (part.numel() != 1)
                throw new InvalidOperationException(
                    $"Part '{name}' of the loss {_loss.Name} has shape {TensorGuard.Shape(part)}; expected a scalar.");
        }
    }

    private static LossTerms Detached(LossTerms terms) => new(
        terms.Total.detach().MoveToOuterDisposeScope(),
        terms.Parts.ToDictionary(pair => pair.Key, pair => pair.Value.detach().MoveToOuterDisposeScope(), StringComparer.Ordinal));
}
