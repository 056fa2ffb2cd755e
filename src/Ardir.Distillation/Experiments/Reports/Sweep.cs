using System.Text.Json;

namespace Ardir.Distillation;

/// <summary>Methods that differ in one number of their settings only: a line of Figures 2 and 3.</summary>
/// <param name="Name">What the names of the methods have in common.</param>
/// <param name="Setting">Name of the setting.</param>
/// <param name="Methods">By the value of the setting.</param>
internal sealed record Sweep(string Name, string Setting, IReadOnlyList<(double Value, ExperimentMethod Method)> Methods)
{
    // Two points are a comparison, not a sweep.
    private const int MinMethods = 3;

    public static IReadOnlyList<Sweep> Of(ExperimentPlan plan) =>
    [
        .. plan.Methods.SelectMany(method => method.Settings.Names).Distinct(StringComparer.Ordinal).SelectMany(setting => plan.Methods
            .Where(method => Value(method, setting) is not null)
            .GroupBy(method => (method.Loss, Rest(method, setting), method.Teacher, method.StandardTeacher, method.InitialWeights,
                (method.CraftInTrainMode, method.Report)))
            .Where(group => group.Count() >= MinMethods)
            .Select(group => new Sweep(Common([.. group.Select(method => method.Name)]), setting,
                [.. group.Select(method => (Value(method, setting)!.Value, method)).OrderBy(pair => pair.Item1)]))),
    ];

    /// <summary>The number that a method sets, or null.</summary>
    public static double? Value(ExperimentMethod method, string setting) =>
        method.Settings.Values.TryGetValue(setting, out var value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : null;

    private static string Rest(ExperimentMethod method, string setting) =>
        new MethodSettings(method.Settings.Values.Where(pair => pair.Key != setting)).ToString();

    private static string Common(string[] names)
    {
        var length = names[0].TakeWhile((c, i) => Array.TrueForAll(names, name => i < name.Length && name[i] == c)).Count();
        var common = names[0][..length];
        // "ARDIR-RC 0.2" and "ARDIR-RC 0.4" have "0." in common as well.
        var endsWord = Array.TrueForAll(names, name => name.Length == length || name[length] == ' ');
        var word = endsWord ? common : common[..(common.LastIndexOf(' ') + 1)];
        return (word.Length > 0 ? word : common).TrimEnd(' ', '-', '=', '.') is { Length: > 0 } name ? name : names[0];
    }
}
