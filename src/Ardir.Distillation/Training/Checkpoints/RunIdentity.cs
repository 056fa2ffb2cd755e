using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>Everything that decides how a run continues, as named texts that can be compared before a run resumes.</summary>
internal static class RunIdentity
{
    public static Dictionary<string, string> Of(TrainingSetup setup, ImageDataset train, ImageDataset? validation)
    {
        // Options print their numbers in the current culture; the same run must read the same everywhere.
        using var invariant = new InvariantCultureScope();
        var identity = OfOptions(setup);
        var (all, trained) = (Fingerprint.OfShapes(setup.Student.state_dict()), Fingerprint.OfShapes(Trainable(setup.Student)));
        identity["student"] = $"{all}, trains {trained}";
        identity["teacher"] = "none";
        foreach (var (role, network) in setup.Networks) identity[role.Name] = OfNetwork(setup.Loss, network);
        identity["training set"] = train.Fingerprint();
        identity["validation set"] = validation is null ? "none" : validation.Fingerprint();
        return identity;
    }

    // The weights of a network that the loss keeps change during the run and are in its checkpoints.
    private static string OfNetwork(IDistillationLoss loss, IModule network) => TrainingSetup.IsKeptBy(loss, network)
        ? $"{Fingerprint.OfShapes(((nn.Module)network).state_dict())}, kept by the loss"
        : Fingerprint.Of(network);

    private static Dictionary<string, string> OfOptions(TrainingSetup setup)
    {
        var (loss, options) = (setup.Loss, setup.Options);
        return new(StringComparer.Ordinal)
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
            ["crafting"] = $"{setup.Crafting}",
            ["selection attack"] = options.SelectionAttack?.ToString() ?? "none",
            ["tf32"] = $"{options.AllowTf32}",
            ["seed"] = $"{options.Seed}",
        };
    }

    /// <summary>Objects of a run that hold values which its identity does not show.</summary>
    private static IEnumerable<object> Hidden(TrainingSetup setup) => new object?[]
    {
        setup.Loss, (setup.Loss as WeightedSumLoss)?.Terms, setup.Options.Schedule, setup.Options.WeightPerturbation,
        setup.Options.WeightAveraging, setup.Options.Augmentation, setup.Crafting.Images.Select(entry => entry.Attack),
        setup.Options.SelectionAttack, setup.Options.Optimizer,
    }.Select(StatedIdentity.FindHidden).OfType<object>().Distinct(ReferenceEqualityComparer.Instance);

    /// <summary>Logs a warning for each object with hidden values, once, at the beginning of a run that may be resumed.</summary>
    public static void WarnOfHidden(TrainingSetup setup)
    {
        foreach (var hidden in Hidden(setup)) TrainerLog.HiddenOptions(setup.Options.Logger, hidden.GetType());
    }

    private static Dictionary<string, Tensor> Trainable(nn.Module student) => student.named_parameters()
        .Where(pair => pair.parameter.requires_grad)
        .ToDictionary(pair => pair.name, pair => (Tensor)pair.parameter, StringComparer.Ordinal);
}
