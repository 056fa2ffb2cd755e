using System.Text.RegularExpressions;

namespace Ardir.Distillation;

/// <summary>Checks what a plan can be checked for without its data. What belongs to an option of the trainer or of an attack is checked
/// there, before any run begins.</summary>
internal static partial class PlanGuard
{
    private const int MaxName = 64;
    private const string Names = "1 to 64 letters, digits, blanks and . _ - + =, with a letter or digit at both ends";

    public static void Check(ExperimentPlan plan)
    {
        if (string.IsNullOrWhiteSpace(plan.Name)) throw Wrong("name is empty; it is the title of the report.");
        if (plan.Methods.Any(method => method is null)) throw Wrong("methods has an entry that is null.");
        if (plan.Attacks.Any(attack => attack is null)) throw Wrong("attacks has an entry that is null.");
        Unique("methods", [.. plan.Methods.Select(method => method.Name)]);
        Unique("attacks", [.. plan.Attacks.Select(attack => attack.Name)]);
        Unique("seeds", [.. plan.Seeds.Select(seed => $"{seed}")]);
        foreach (var method in plan.Methods) Check(plan, method);
        Check(plan.Data);
        Known("threat.norm", plan.Threat.Norm);
        Positive("threat.epsilon", plan.Threat.Epsilon);
        Check(plan.Recipe);
        foreach (var attack in plan.Attacks) Check(attack);
        foreach (var method in plan.Methods) RefuseCircle(plan, method);
    }

    private static void Check(ExperimentPlan plan, ExperimentMethod method)
    {
        if (method.Name.Length > MaxName || !NamePattern().IsMatch(method.Name))
            throw Wrong($"The method name '{method.Name}' names a folder, too; expected {Names}.");
        Known($"report of method '{method.Name}'", method.Report);
        if (string.IsNullOrWhiteSpace(method.Loss)) throw Wrong($"Method '{method.Name}' names no loss.");
        if (string.IsNullOrWhiteSpace(method.InitialWeights)) throw Wrong($"initialWeights of method '{method.Name}' is empty.");
        if (method.AverageFrom < 0 || method.AverageFrom >= plan.Recipe.Epochs)
        {
            throw Wrong(
                $"averageFrom of method '{method.Name}' is {method.AverageFrom}; expected an epoch from 0 to {plan.Recipe.Epochs - 1}.");
        }
        if (method.Report == KeptWeights.Average && method.AverageFrom is null)
            throw Wrong($"Method '{method.Name}' is reported with averaged weights, but averageFrom is not set.");
        foreach (var teacher in method.Teachers) plan.Method(teacher);
    }

    private static void Check(ExperimentData data)
    {
        Known("data.dataset", data.Dataset);
        AtLeast("data.trainImages", data.TrainImages ?? 1, 1);
        AtLeast("data.validationImages", data.ValidationImages, 0);
        AtLeast("data.testImages", data.TestImages ?? 1, 1);
    }

    private static void Check(ExperimentRecipe recipe)
    {
        AtLeast("recipe.epochs", recipe.Epochs, 1);
        AtLeast("recipe.batchSize", recipe.BatchSize, 1);
        AtLeast("recipe.attackSteps", recipe.AttackSteps ?? 1, 1);
        AtLeast("recipe.selectionSteps", recipe.SelectionSteps, 1);
        Positive("recipe.learningRate", recipe.LearningRate);
        Positive("recipe.attackStepSize", recipe.AttackStepSize ?? 1);
        Positive("recipe.selectionStepSize", recipe.SelectionStepSize ?? 1);
        // The default milestones, left beside fewer epochs, would leave the learning rate as it is without a word.
        if (recipe.Milestones.Any(milestone => milestone >= recipe.Epochs))
        {
            throw Wrong($"recipe.milestones are [{string.Join(", ", recipe.Milestones)}], but the last epoch is {recipe.Epochs - 1}; "
                + "expected epochs that come, or [] for one learning rate throughout.");
        }
        if (recipe.WarmupEpochs >= recipe.Epochs)
            throw Wrong($"recipe.warmupEpochs is {recipe.WarmupEpochs}; expected less than the {recipe.Epochs} epochs.");
    }

    private static void Check(ExperimentAttack attack)
    {
        if (attack.Name.Length > MaxName || !NamePattern().IsMatch(attack.Name))
            throw Wrong($"The attack name '{attack.Name}' is part of file names, too; expected {Names}.");
        AtLeast($"images of attack '{attack.Name}'", attack.Images ?? 1, 1);
        Positive($"stepSize of attack '{attack.Name}'", attack.StepSize ?? 1);
        if (attack.Weights.Count == 0) throw Wrong($"weights of attack '{attack.Name}' is empty; it would attack nothing.");
        foreach (var weights in attack.Weights) Known($"weights of attack '{attack.Name}'", weights);
        if (attack.Weights.Distinct().Count() < attack.Weights.Count) throw Wrong($"weights of attack '{attack.Name}' repeats one.");
    }

    private static void RefuseCircle(ExperimentPlan plan, ExperimentMethod method)
    {
        var open = new Stack<string>(method.Teachers);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        while (open.TryPop(out var name))
        {
            if (name == method.Name) throw Wrong($"Method '{method.Name}' is its own teacher, directly or through others.");
            if (!seen.Add(name)) continue;
            foreach (var teacher in plan.Method(name).Teachers) open.Push(teacher);
        }
    }

    private static void Unique(string list, List<string> names)
    {
        if (names.Count == 0) throw Wrong($"{list} is empty.");
        // Names are folders, and some file systems do not tell upper from lower case.
        var twice = names.GroupBy(name => name, StringComparer.OrdinalIgnoreCase).FirstOrDefault(group => group.Count() > 1);
        if (twice is not null) throw Wrong($"{list} has '{twice.Key}' more than once.");
    }

    private static void AtLeast(string name, int value, int least)
    {
        if (value < least) throw Wrong($"{name} is {value}; expected at least {least}.");
    }

    // JSON may give a number for a member of an enumeration, and any number fits.
    private static void Known<T>(string name, T value) where T : struct, Enum
    {
        if (!Enum.IsDefined(value)) throw Wrong($"{name} is {value}; expected one of {string.Join(", ", Enum.GetNames<T>())}.");
    }

    private static void Positive(string name, double value)
    {
        if (!(double.IsFinite(value) && value > 0)) throw Wrong($"{name} is {value}; expected a positive finite number.");
    }

    private static FormatException Wrong(string message) => new(message);

    [GeneratedRegex(@"^[A-Za-z0-9](?:[A-Za-z0-9 ._+=-]*[A-Za-z0-9])?\z", RegexOptions.NonBacktracking)]
    private static partial Regex NamePattern();
}
