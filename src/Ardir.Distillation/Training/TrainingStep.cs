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

    public TrainingStep(nn.Module<Tensor, Tensor> student, IModule? teacher, IDistillationLoss loss, TrainerOptions options, IModule? standardTeacher = null)
    {
        (_student, _teacher, _loss, _options) = (student, teacher, loss, options);
        _studentTap = FeatureTap.Attach(student, [.. loss.Needs.StudentLayers]);
        _teacherTap = teacher is null ? null : FeatureTap.AttachFrozen(teacher, [.. loss.Needs.TeacherLayers]);
        _standardTeacherTap = standardTeacher is null ? null : FeatureTap.AttachFrozen(standardTeacher);
    }

    /// <summary>Trains on one batch (images as floats, augmented) and adds what came out to the totals.</summary>
    public void Run(Tensor images, Tensor labels, torch.optim.Optimizer optimizer, EpochTotals totals, AttackContext context, int epoch = 0)
    {
        using var scope = NewDisposeScope();
        using var grad = enable_grad();
        var inputs = Forward(images, labels, context) with { Epoch = epoch };
        var terms = _loss.Compute(inputs);
        Check(terms);

        optimizer.zero_grad();
        // Parameters of the loss may be out of use from some epoch on. A gradient of zero would still decay and move them, but not after a resume, when there is none.
        _loss.Trainable?.zero_grad(set_to_none: true);
        terms.Total.backward();
        optimizer.step();

        totals.Add(terms, (inputs.StudentAdversarial ?? inputs.StudentClean)!.Output, labels);
    }

    private void Check(LossTerms terms)
    {
        if (terms is null) throw new InvalidOperationException($"The loss {_loss.Name} returned null.");
        if (terms.Total.numel() != 1 || !terms.Total.requires_grad)
            throw new InvalidOperationException($"The loss {_loss.Name} returned a total of shape {TensorGuard.Shape(terms.Total)}{(terms.Total.requires_grad ? "" : " without a graph")}; expected a scalar that depends on the student's output.");
        foreach (var (name, part) in terms.Parts)
            if (part.numel() != 1) throw new InvalidOperationException($"Part '{name}' of the loss {_loss.Name} has shape {TensorGuard.Shape(part)}; expected a scalar.");
    }

    public void Dispose()
    {
        _studentTap.Dispose();
        _teacherTap?.Dispose();
        _standardTeacherTap?.Dispose();
    }

    private DistillationInputs Forward(Tensor images, Tensor labels, AttackContext context)
    {
        var passes = _loss.Needs.Passes;
        // Both attacks run before any tapped pass, so that nothing of theirs is ever held.
        var studentAdversarial = _loss.Needs.NeedsStudentAttack
            ? _options.TrainAttack!.Perturb(_student, images, labels, context with { KeepModelMode = _options.AttackInTrainMode ?? false })
            : null;
        var teacherAdversarial = passes.HasFlag(NetworkPasses.TeacherAdversarial)
            ? (_options.TeacherAttack ?? _options.TrainAttack!).Perturb(_teacher!, images, labels, context with { Seed = SeedMixer.Mix(context.Seed, "teacher") })
            : null;
        return new DistillationInputs
        {
            Labels = labels,
            TeacherClean = passes.HasFlag(NetworkPasses.TeacherClean) ? _teacherTap!.Forward(images) : null,
            TeacherAdversarial = teacherAdversarial is null ? null : _teacherTap!.Forward(teacherAdversarial),
            StudentClean = passes.HasFlag(NetworkPasses.StudentClean) ? _studentTap.Forward(images) : null,
            StudentAdversarial = passes.HasFlag(NetworkPasses.StudentAdversarial) ? _studentTap.Forward(studentAdversarial!) : null,
            TeacherOnStudentAdversarial = passes.HasFlag(NetworkPasses.TeacherOnStudentAdversarial) ? _teacherTap!.Forward(studentAdversarial!) : null,
            StandardTeacherOnStudentAdversarial = passes.HasFlag(NetworkPasses.StandardTeacherOnStudentAdversarial) ? _standardTeacherTap!.Forward(studentAdversarial!) : null,
        };
    }
}
