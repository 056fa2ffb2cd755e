using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>One step of Algorithm 1: craft, run both networks, compute the loss, descend.</summary>
internal sealed class TrainingStep : IDisposable
{
    private readonly nn.Module<Tensor, Tensor> _student;
    private readonly IModule? _teacher;
    private readonly IDistillationLoss _loss;
    private readonly TrainerOptions _options;
    private readonly IFeatureTap _studentTap;
    private readonly IFeatureTap? _teacherTap;
    private readonly IFeatureTap? _standardTeacherTap;

    public TrainingStep(
        nn.Module<Tensor, Tensor> student, IModule? teacher, IDistillationLoss loss, TrainerOptions options,
        IModule? standardTeacher = null)
    {
        (_student, _teacher, _loss, _options) = (student, teacher, loss, options);
        _studentTap = FeatureTap.Attach(student, [.. loss.Needs.StudentLayers]);
        _teacherTap = teacher is null ? null : FeatureTap.AttachFrozen(teacher, [.. loss.Needs.TeacherLayers]);
        _standardTeacherTap = standardTeacher is null ? null : FeatureTap.AttachFrozen(standardTeacher);
    }

    /// <summary>Trains on one batch (images as floats, augmented) and adds its loss and predictions to the totals.</summary>
    /// <returns>Whether it did; false only with <see cref="NonFiniteLoss.Skip"/>.</returns>
    public bool Run(
        Tensor images, Tensor labels, optim.Optimizer optimizer, EpochTotals totals, AttackContext context,
        int epoch = 0, MasterWeights? masters = null, LossWatch? watch = null, int step = 0)
    {
        using var scope = NewDisposeScope();
        using var grad = enable_grad();
        using var buffers = _options.NonFiniteLoss == NonFiniteLoss.Skip ? new BufferBackup(_student) : null;
        var parts = Split(images.shape[0]).Select(range => Craft(images, labels, range, context, masters)).ToList();

        using var moved = _options.WeightPerturbation is { } awp && epoch >= awp.WarmupEpochs
            ? Move(parts, awp, epoch, optimizer, masters)
            : null;
        ClearGradients(optimizer);
        var results = Accumulate(parts, epoch, masters);
        if (_options.MaxGradientNorm is { } limit) GradientClip.Apply(Trained(optimizer), limit);
        // TakeBroken always runs and resets itself, so that what an attack noticed about this batch is not reported for the next.
        if (buffers is not null && (context.Soundness?.TakeBroken() == true | !IsSound(results, optimizer)))
        {
            buffers.Restore();
            return false;
        }
        foreach (var (terms, _, _) in results) watch?.Add(terms.Total, step);
        optimizer.step();
        moved?.TakeBack();
        masters?.Publish();

        foreach (var (terms, logits, part) in results) totals.Add(terms, logits, part.Labels);
        return true;
    }

    public void Dispose()
    {
        _studentTap.Dispose();
        _teacherTap?.Dispose();
        _standardTeacherTap?.Dispose();
    }

    /// <summary>Gradients of the batch's mean loss, part by part.</summary>
    private List<(LossTerms Terms, Tensor Logits, BatchPart Part)> Accumulate(List<BatchPart> parts, int epoch, MasterWeights? masters)
    {
        var results = new List<(LossTerms, Tensor, BatchPart)>();
        if (masters is not null) _student.zero_grad(set_to_none: true);
        foreach (var part in parts)
        {
            using var scope = NewDisposeScope();
            var inputs = Forward(part, epoch, masters);
            var terms = _loss.Compute(inputs);
            Check(terms);
            (parts.Count == 1 ? terms.Total : terms.Total * part.Share).backward();
            var logits = (inputs.StudentAdversarial ?? inputs.StudentClean)!.Output;
            results.Add((Detached(terms), logits.detach().MoveToOuterDisposeScope(), part));
        }
        masters?.TakeGradients();
        return results;
    }

    /// <summary>AWP: computes the gradient at the current weights and moves the weights along it. Batch-norm statistics are
    /// restored.</summary>
    private WeightMove Move(
        List<BatchPart> parts, AdversarialWeightPerturbation awp, int epoch, optim.Optimizer optimizer, MasterWeights? masters)
    {
        using var buffers = new BufferBackup(_student);
        ClearGradients(optimizer);
        Accumulate(parts, epoch, masters);
        buffers.Restore();
        var trained = _student.named_parameters()
            .Where(pair => pair.parameter.requires_grad)
            .Select(pair => (pair.name, masters?.Of(pair.parameter) ?? pair.parameter));
        return new WeightMove(trained, awp.Gamma, masters);
    }

    private BatchPart Craft(Tensor images, Tensor labels, Range range, AttackContext context, MasterWeights? masters)
    {
        var (from, count) = range.GetOffsetAndLength((int)images.shape[0]);
        var whole = count == images.shape[0];
        var part = whole
            ? new BatchPart(images, labels, 1)
            : new BatchPart(images.narrow(0, from, count), labels.narrow(0, from, count), count / (double)images.shape[0]);
        CheckedBatch.Vouch(part.Images, images);
        CheckedBatch.Vouch(part.Labels, labels);
        if (!whole)
        {
            var indices = context.SampleIndices ?? [.. Enumerable.Range(0, (int)images.shape[0]).Select(i => (long)i)];
            context = context with { SampleIndices = [.. indices.Skip(from).Take(count)] };
        }
        var passes = _loss.Needs.Passes;
        if (_loss.Needs.InnerMaximization.Objective == InnerObjective.KlToTeacher && passes.HasFlag(NetworkPasses.TeacherClean))
            part.TeacherClean = _teacherTap!.Forward(part.Images);
        using var answer = part.TeacherClean is null ? null : new KnownAnswer(_teacher!, part.TeacherClean.Output);
        // Both attacks run before the tapped passes of the loss, so that no tap keeps tensors from the attacks' passes.
        if (_loss.Needs.NeedsStudentAttack)
            part.StudentAdversarial = _options.TrainAttack!.Perturb(
                masters?.Network ?? _student, part.Images, part.Labels,
                context with { KeepModelMode = _options.AttackInTrainMode ?? false });
        if (passes.HasFlag(NetworkPasses.TeacherAdversarial))
            part.TeacherAdversarial = (_options.TeacherAttack ?? _options.TrainAttack!).Perturb(
                _teacher!, part.Images, part.Labels, context with { Seed = SeedMixer.Mix(context.Seed, "teacher") });
        return part;
    }

    private DistillationInputs Forward(BatchPart part, int epoch, MasterWeights? masters)
    {
        var passes = _loss.Needs.Passes;
        return new DistillationInputs
        {
            Labels = part.Labels,
            LabelSmoothing = _options.LabelSmoothing,
            Epoch = epoch,
            TeacherClean = part.TeacherClean ?? (passes.HasFlag(NetworkPasses.TeacherClean) ? _teacherTap!.Forward(part.Images) : null),
            TeacherAdversarial = part.TeacherAdversarial is null ? null : _teacherTap!.Forward(part.TeacherAdversarial),
            StudentClean = passes.HasFlag(NetworkPasses.StudentClean) ? Student(part.Images, masters) : null,
            StudentAdversarial = passes.HasFlag(NetworkPasses.StudentAdversarial) ? Student(part.StudentAdversarial!, masters) : null,
            TeacherOnStudentAdversarial = passes.HasFlag(NetworkPasses.TeacherOnStudentAdversarial)
                ? _teacherTap!.Forward(part.StudentAdversarial!)
                : null,
            StandardTeacherOnStudentAdversarial = passes.HasFlag(NetworkPasses.StandardTeacherOnStudentAdversarial)
                ? _standardTeacherTap!.Forward(part.StudentAdversarial!)
                : null,
        };
    }

    private TappedOutput Student(Tensor images, MasterWeights? masters)
    {
        if (masters is null) return _studentTap.Forward(images);
        var low = _studentTap.Forward(images.to(ScalarType.BFloat16));
        return new TappedOutput(
            low.Output.to(ScalarType.Float32),
            new FeatureMaps(low.Features.Layers.Zip(low.Features.Select(map => map.to(ScalarType.Float32)))));
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

    // Losses and gradients are combined on the device and read once, because every reading waits for the device.
    private static bool IsSound(List<(LossTerms Terms, Tensor Logits, BatchPart Part)> results, optim.Optimizer optimizer)
    {
        using var noGrad = no_grad();
        var gradients = Trained(optimizer).Select(parameter => parameter.grad).OfType<Tensor>();
        var all = results.Select(result => result.Terms.Total.reshape([]))
            .Concat(gradients.Select(gradient => GradientClip.Wide(gradient).sum()));
        return HostRead.Bool(all.Select(value => value.isfinite()).Aggregate((sound, next) => sound.logical_and(next)));
    }

    private static void ClearGradients(optim.Optimizer optimizer)
    {
        // Set to null, not to zero: a parameter that the loss does not use in some epochs would still be changed by weight decay
        // and momentum when its gradient is zero, but not after a resume, when it has no gradient. The caller may have left
        // gradients behind, too.
        foreach (var parameter in Trained(optimizer)) parameter.grad = null;
    }

    private static IEnumerable<Tensor> Trained(optim.Optimizer optimizer) => optimizer.parameters();

    private static LossTerms Detached(LossTerms terms) => new(
        terms.Total.detach().MoveToOuterDisposeScope(),
        terms.Parts.ToDictionary(pair => pair.Key, pair => pair.Value.detach().MoveToOuterDisposeScope(), StringComparer.Ordinal));

    private IEnumerable<Range> Split(long count)
    {
        var parts = (int)Math.Min(_options.AccumulationSteps, count);
        for (var i = 0; i < parts; i++) yield return (int)(i * count / parts)..(int)((i + 1) * count / parts);
    }
}
