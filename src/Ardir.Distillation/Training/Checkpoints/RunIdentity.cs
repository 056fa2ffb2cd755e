using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>Everything that decides how a run continues, as named texts that can be compared before a run resumes.</summary>
internal static class RunIdentity
{
    public static Dictionary<string, string> Of(
        TrainerOptions options, IDistillationLoss loss, nn.Module<Tensor, Tensor> student, IModule? teacher, IModule? standardTeacher,
        ImageDataset train, ImageDataset? validation)
    {
        // Options print their numbers in the current culture; the same run must read the same everywhere.
        using var invariant = new InvariantCultureScope();
        var identity = Describe(options, loss, student, teacher, train, validation);
        if (standardTeacher is not null) identity["standard teacher"] = Fingerprint.Of(standardTeacher);
        return identity;
    }

    private static Dictionary<string, string> Describe(
        TrainerOptions options, IDistillationLoss loss, nn.Module<Tensor, Tensor> student, IModule? teacher,
        ImageDataset train, ImageDataset? validation) => new(StringComparer.Ordinal)
    {
        ["loss"] = $"{loss.Name} {loss}",
        ["batch size"] = $"{options.BatchSize}",
        ["learning rate"] = TrainingCheckpoint.Number(options.LearningRate),
        ["learning rate schedule"] = options.Schedule is null ? "steps" : $"{options.Schedule} over {options.Epochs} epochs",
        ["milestones"] = string.Join(",", options.Milestones),
        ["learning rate decay"] = TrainingCheckpoint.Number(options.LearningRateDecay),
        ["warm-up epochs"] = $"{options.WarmupEpochs}",
        ["optimizer"] = $"{options.Optimizer}",
        ["largest gradient norm"] = options.MaxGradientNorm is { } norm ? TrainingCheckpoint.Number(norm) : "none",
        ["label smoothing"] = TrainingCheckpoint.Number(options.LabelSmoothing),
        ["accumulation steps"] = $"{options.AccumulationSteps}",
        ["weight perturbation"] = options.WeightPerturbation?.ToString() ?? "none",
        ["weight averaging"] = options.WeightAveraging?.ToString() ?? "none",
        ["precision"] = $"{options.Precision}",
        ["loss that is no number"] = $"{options.NonFiniteLoss}",
        ["augmentation"] = options.Augmentation?.ToString() ?? "none",
        ["train attack"] = options.TrainAttack?.ToString() ?? "none",
        ["teacher attack"] = (options.TeacherAttack ?? options.TrainAttack)?.ToString() ?? "none",
        ["attack in train mode"] = $"{options.AttackInTrainMode}",
        ["selection attack"] = options.SelectionAttack?.ToString() ?? "none",
        ["tf32"] = $"{options.AllowTf32}",
        ["seed"] = $"{options.Seed}",
        ["student"] = $"{Fingerprint.OfShapes(student.state_dict())}, trains {Fingerprint.OfShapes(Trainable(student))}",
        ["teacher"] = teacher is null ? "none" : Fingerprint.Of(teacher),
        ["training set"] = train.Fingerprint(),
        ["validation set"] = validation is null ? "none" : validation.Fingerprint(),
    };

    /// <summary>Objects of a run that hold values which its identity does not show.</summary>
    private static IEnumerable<object> Hidden(TrainerOptions options, IDistillationLoss loss) => new object?[]
    {
        loss, (loss as WeightedSumLoss)?.Terms, options.Schedule, options.WeightPerturbation, options.WeightAveraging, options.Augmentation,
        options.TrainAttack, options.TeacherAttack, options.SelectionAttack, options.Optimizer,
    }.Select(StatedIdentity.FindHidden).OfType<object>().Distinct(ReferenceEqualityComparer.Instance);

    /// <summary>Logs a warning for each object with hidden values, once, at the beginning of a run that may be resumed.</summary>
    public static void WarnOfHidden(TrainerOptions options, IDistillationLoss loss)
    {
        foreach (var hidden in Hidden(options, loss)) TrainerLog.HiddenOptions(options.Logger, hidden.GetType());
    }

    private static Dictionary<string, Tensor> Trainable(nn.Module student) => student.named_parameters()
        .Where(pair => pair.parameter.requires_grad)
        .ToDictionary(pair => pair.name, pair => (Tensor)pair.parameter, StringComparer.Ordinal);
}
