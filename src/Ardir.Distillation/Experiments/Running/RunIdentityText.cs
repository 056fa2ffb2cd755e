using System.Globalization;
using System.Text.Json;
using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>Everything that the training of a run depends on, by name, as text that can be compared and read.</summary>
internal static class RunIdentityText
{
    // The fingerprint of the images, which begins with their number.
    private const string Training = "training images";

    /// <summary>What all runs of a plan share.</summary>
    public static Dictionary<string, string> Shared(ExperimentPlan plan, ExperimentImages images, ExperimentOptions options) =>
        new(OfPlan(plan))
        {
            [Training] = images.Train.Fingerprint(),
            ["validation images"] = images.Validation.Fingerprint(),
            ["network"] = options.Network?.Name ?? Text(JsonSerializer.Serialize(plan.Network, PlanJson.Default.ExperimentNetwork)),
        };

    /// <summary>What the plan alone says of a run, without images, networks and losses.</summary>
    public static Dictionary<string, string> OfPlan(ExperimentPlan plan, ulong seed) =>
        new(OfPlan(plan)) { ["seed"] = Text(seed) };

    public static Dictionary<string, string> Of(ExperimentSetup setup, ExperimentRun run, IReadOnlyDictionary<string, string> shared)
    {
        var identity = new Dictionary<string, string>(shared) { ["seed"] = Text(run.Seed) };
        Add(setup, run, "", identity);
        return identity;
    }

    private static void Add(ExperimentSetup setup, ExperimentRun run, string prefix, Dictionary<string, string> identity)
    {
        var method = run.Method;
        identity[prefix + "loss"] = StatedIdentity.Of(setup.Options.Losses.Create(method));
        identity[prefix + "initial weights"] = method.InitialWeights;
        identity[prefix + "averaged from epoch"] = method.AverageFrom?.ToString(CultureInfo.InvariantCulture) ?? "never";
        identity[prefix + "crafts in train mode"] = method.CraftInTrainMode?.ToString() ?? "as prescribed";
        AddTeacher(setup, run, method.Teacher, prefix + "teacher: ", identity);
        AddTeacher(setup, run, method.StandardTeacher, prefix + "standard teacher: ", identity);
    }

    private static void AddTeacher(
        ExperimentSetup setup, ExperimentRun run, string? name, string prefix, Dictionary<string, string> identity)
    {
        if (name is null) return;
        var teacher = setup.RunOf(name, run.Seed);
        identity[prefix + "weights"] = teacher.Method.Report.ToString();
        Add(setup, teacher, prefix, identity);
    }

    /// <summary>How many images a run trained on; null where the identity does not say so.</summary>
    public static int? TrainingImages(IReadOnlyDictionary<string, string> identity) =>
        int.TryParse(identity.GetValueOrDefault(Training)?.Split(' ')[0], NumberStyles.None, CultureInfo.InvariantCulture, out var count)
            ? count
            : null;

    private static Dictionary<string, string> OfPlan(ExperimentPlan plan) => new()
    {
        ["augmentation"] = plan.Data.Augment ? "crop and flip" : "none",
        ["threat"] = plan.Threat.Create().ToString()!,
        ["recipe"] = Text(JsonSerializer.Serialize(plan.Recipe, PlanJson.Default.ExperimentRecipe)),
    };

    private static string Text(ulong seed) => seed.ToString(CultureInfo.InvariantCulture);

    private static string Text(string json) => string.Join(' ', json.Split('\n', StringSplitOptions.TrimEntries));
}
