namespace Ardir.Distillation;

/// <summary>What was run: data, network, recipe, threat model and methods.</summary>
internal static class PlanSection
{
    public static void Add(ReportPage page, ReportStudy study)
    {
        var plan = study.Plan;
        page.Heading("Plan").Table(["What", "Value"],
        [
            ["Data", Data(plan.Data, study.TrainingImages)],
            ["Best epoch", Selection(plan)],
            ["Network", Network(plan.Network)],
            ["Recipe", Recipe(plan.Recipe)],
            ["Threat model", $"{plan.Threat.Norm}, epsilon {ReportText.Pixels(plan.Threat.Epsilon)}"],
            ["Attacks", string.Join("; ", plan.Attacks.Select(Attack))],
            ["Seeds", string.Join(", ", plan.Seeds)],
        ]);
        page.Table(["Method", "Loss", "Settings", "Teacher", "First weights"], [.. plan.Methods.Select(method => (string[])
        [
            method.Name, method.Loss, Settings(method), method.Teachers.Any() ? string.Join(", ", method.Teachers) : ReportText.None,
            method.InitialWeights,
        ])]);
    }

    /// <summary>Where the best epoch was chosen. A choice on test images flatters it, so that the top of the report says so, too.</summary>
    public static string Selection(ExperimentPlan plan)
    {
        var attack = $"by PGD-{plan.Recipe.SelectionSteps}";
        return plan.Data.ValidationImages == 0
            ? $"chosen on the test images themselves, {attack}, as in the paper; this flatters the figures of best epochs"
            : $"chosen on {ReportText.Count(plan.Data.ValidationImages, "image")} held out from the training set, {attack}";
    }

    private static string Data(ExperimentData data, int? trained)
    {
        var training = (trained ?? data.TrainImages) is { } train ? ReportText.Count(train, "training image") : "all training images";
        var test = data.TestImages is { } count ? $"{ReportText.Count(count, "test image")}" : "all test images";
        var augmentation = data.Augment ? "shifted and flipped at random" : "no augmentation";
        return $"{ReportText.Name(data.Dataset)}: {training}, {test}; {augmentation}; split {data.Split}";
    }

    private static string Network(ExperimentNetwork network) =>
        $"PreActResNet, unless the program made another: widths {string.Join(", ", network.Widths)}; "
        + $"{ReportText.Count(network.BlocksPerStage, "block")} per stage; first stride {network.FirstStride}";

    private static string Recipe(ExperimentRecipe recipe)
    {
        var warmup = recipe.WarmupEpochs > 0 ? $", warm-up {ReportText.Count(recipe.WarmupEpochs, "epoch")}" : "";
        var attack = recipe.AttackSteps is null && recipe.AttackStepSize is null
            ? "crafting as each loss prescribes"
            : $"crafting with {(recipe.AttackSteps is { } steps ? $"{steps} steps" : "prescribed steps")}"
                + (recipe.AttackStepSize is { } size ? $" of {ReportText.Pixels(size)}" : "");
        return $"{ReportText.Count(recipe.Epochs, "epoch")}, batch {recipe.BatchSize}, SGD {ReportText.Number(recipe.LearningRate)}, "
            + $"divided by 10 at epochs {string.Join(", ", recipe.Milestones)}{warmup}, "
            + $"weight decay {ReportText.Number(recipe.WeightDecay, "0.######")}; {attack}";
    }

    private static string Attack(ExperimentAttack attack) => attack.Name
        + (attack.StepSize is { } size ? $", step {ReportText.Pixels(size)}" : "")
        + (attack.Images is { } images ? $", {ReportText.Count(images, "image")}" : "");

    private static string Settings(ExperimentMethod method)
    {
        var texts = method.Settings.Values.Select(pair => $"{pair.Key} {pair.Value}").ToList();
        if (method.AverageFrom is { } from) texts.Add($"averaged from epoch {from}");
        if (method.CraftInTrainMode is { } train) texts.Add(train ? "crafting in train mode" : "crafting in eval mode");
        return texts.Count == 0 ? ReportText.None : string.Join("; ", texts);
    }
}
