using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>Everything that decides how a run continues, as named texts that can be compared before a run resumes.</summary>
internal static class RunIdentity
{
    private const string NotSaved = "Or leave CheckpointDirectory null: a run that is not saved need not be recognised.";
    private const string NotShared = "Or train in one process: with several ranks each must recognise that it was given the same run.";

    /// <summary>Options that may change when a run resumes, because no result depends on them. The number of epochs counts only where a
    /// schedule depends on it.</summary>
    public static IReadOnlyList<string> Free { get; } =
    [
        nameof(TrainerOptions.Epochs), nameof(TrainerOptions.EvaluationBatchSize), nameof(TrainerOptions.Device),
        nameof(TrainerOptions.KeepDataOnHost), nameof(TrainerOptions.CheckpointDirectory), nameof(TrainerOptions.CheckpointInterval),
        nameof(TrainerOptions.Logger), nameof(TrainerOptions.MemoryFormat), nameof(TrainerOptions.AttackShards),
        nameof(TrainerOptions.FoldBatchNorm), nameof(TrainerOptions.Convolutions),
        nameof(TrainerOptions.OutputCacheBytes), nameof(TrainerOptions.GiveBackMemory), nameof(TrainerOptions.Collective),
    ];

    /// <summary>The texts of a run: of each option by its name, of the objective, the networks and the data.</summary>
    /// <exception cref="InvalidOperationException">An attack, the loss or another option hides values.</exception>
    public static Dictionary<string, string> Of(TrainingSetup setup, ImageDataset train, ImageDataset? validation)
    {
        var identity = OfOptions(setup);
        var (all, trained) = (Fingerprint.OfShapes(setup.Student.state_dict()), Fingerprint.OfShapes(Trainable(setup.Student)));
        identity["student"] = $"{all}, trains {trained}";
        identity["teacher"] = "none";
        foreach (var (role, network) in setup.Networks) identity[KeyOf(role)] = OfNetwork(setup.Loss, network);
        identity["training set"] = train.Fingerprint();
        identity["validation set"] = validation is null ? "none" : validation.Fingerprint();
        return identity;
    }

    /// <summary>The texts of the options and of the objective.</summary>
    /// <exception cref="InvalidOperationException">An attack, the loss or another option hides values.</exception>
    public static Dictionary<string, string> OfOptions(TrainingSetup setup)
    {
        var identity = typeof(TrainerOptions).GetProperties()
            .Where(property => property.Name != nameof(TrainerOptions.Crafting) && !Free.Contains(property.Name, StringComparer.Ordinal))
            .ToDictionary(property => property.Name, property => Text(setup, property.GetValue(setup.Options)), StringComparer.Ordinal);
        // How the images are crafted depends on the loss, too, so the resolved plan is compared.
        identity[nameof(TrainerOptions.Crafting)] = setup.Crafting.Images.Count == 0
            ? "no adversarial images"
            : string.Join("; ", setup.Crafting.Images.Select(entry => $"{entry.Images}: {Text(setup, entry.Attack)}, {entry.Mode}"));
        if (setup.Options.Schedule is not null) identity[nameof(TrainerOptions.Schedule)] += $" over {setup.Options.Epochs} epochs";
        // A name may contain a number.
        using var invariant = new InvariantCultureScope();
        identity["loss"] = $"{setup.Loss.Name}: {Text(setup, setup.Loss)}";
        return identity;
    }

    // A user's role may have the name of an option.
    private static string KeyOf(NetworkRole role) =>
        role == NetworkRole.Teacher || role == NetworkRole.StandardTeacher ? role.Name : $"network '{role}'";

    // With the weights of networks that take part in the run by an attack or a loss alone.
    private static string Text(TrainingSetup setup, object? value) =>
        StatedIdentity.WithWeights(
            value, setup.Ranks.AreSeveral ? NotShared : NotSaved, except: network => IsOfTheRun(setup, network));

    // The weights of the other networks are compared by their roles; student and loss are trained, and in the checkpoints.
    private static bool IsOfTheRun(TrainingSetup setup, IModule network) =>
        setup.Networks.Values.Contains(network, ReferenceEqualityComparer.Instance)
        || SharedModules.Find(setup.Student, network as nn.Module) is not null
        || TrainingSetup.IsKeptBy(setup.Loss, network);

    // What the loss keeps of a network changes during the run and is in its checkpoints; the rest of it, such as a frozen part, is
    // compared.
    private static string OfNetwork(IDistillationLoss loss, IModule network)
    {
        if (!TrainingSetup.IsKeptBy(loss, network)) return Fingerprint.Of(network);
        var kept = loss.Trainable!.state_dict().Values.Select(value => value.Handle).ToHashSet();
        var state = ((nn.Module)network).state_dict().OrderBy(pair => pair.Key, StringComparer.Ordinal).ToList();
        var rest = Fingerprint.Of([.. state.Where(pair => !kept.Contains(pair.Value.Handle)).Select(pair => (pair.Key, pair.Value))]);
        return $"{Fingerprint.OfShapes(((nn.Module)network).state_dict())}, kept by the loss, the rest {rest}";
    }

    private static Dictionary<string, Tensor> Trainable(nn.Module student) => student.named_parameters()
        .Where(pair => pair.parameter.requires_grad)
        .ToDictionary(pair => pair.name, pair => (Tensor)pair.parameter, StringComparer.Ordinal);
}
