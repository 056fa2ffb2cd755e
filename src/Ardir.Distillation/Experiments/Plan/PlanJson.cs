using System.Text.Json;
using System.Text.Json.Serialization;

namespace Ardir.Distillation;

/// <summary>Reads and writes plan files.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    WriteIndented = true,
    RespectNullableAnnotations = true,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UseStringEnumConverter = true,
    Converters = [typeof(FractionJson), typeof(SettingsJson)])]
[JsonSerializable(typeof(ExperimentPlan))]
internal sealed partial class PlanJson : JsonSerializerContext
{
    public static string Write(ExperimentPlan plan) => JsonSerializer.Serialize(plan, Readable.Context.ExperimentPlan);

    public static ExperimentPlan Read(string json, string source)
    {
        try
        {
            var plan = PlanDefaults.Complete(json).Deserialize(Default.ExperimentPlan) ?? throw new JsonException("The text is 'null'.");
            plan.Validate();
            return plan;
        }
        catch (Exception e) when (e is JsonException or FormatException or ArgumentException)
        {
            throw new FormatException($"{source} is not a plan that can be run. {e.Message} docs/experiments.md describes the format.", e);
        }
    }

    // Apart, because the generated context must exist before it can be copied.
    private static class Readable
    {
        public static readonly PlanJson Context = new(new JsonSerializerOptions(Default.GeneratedSerializerOptions!)
        {
            // The file is read by people, never embedded in a page.
            Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        });
    }
}
