using System.Text.Json;
using System.Text.Json.Nodes;

namespace Ardir.Distillation;

/// <summary>Fills in what a plan file leaves out. The generated reader of JSON gives init-only properties that are absent the default of
/// their type instead of the default of their record.</summary>
internal static class PlanDefaults
{
    private static readonly JsonDocumentOptions _lenient = new()
    {
        CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true, AllowDuplicateProperties = false,
    };

    /// <summary>The JSON of a plan with every property that has a default.</summary>
    /// <exception cref="JsonException">The text is not an object in JSON.</exception>
    public static JsonObject Complete(string json)
    {
        if (JsonNode.Parse(json, documentOptions: _lenient) is not JsonObject plan)
            throw new JsonException("The text is not an object in braces.");
        Fill(plan, Standard());
        return plan;
    }

    private static void Fill(JsonNode? given, JsonNode? standard)
    {
        if (given is JsonObject members && standard is JsonObject defaults)
        {
            foreach (var (name, value) in defaults)
            {
                if (members.ContainsKey(name)) Fill(members[name], value);
                else if (IsOptional(name)) members[name] = value?.DeepClone();
            }
        }
        else if (given is JsonArray items && standard is JsonArray { Count: > 0 } examples && examples[0] is JsonObject example)
        {
            foreach (var item in items) Fill(item, example);
        }
    }

    private static bool IsOptional(string name) =>
        name is not ("name" or "data" or "dataset" or "threat" or "epsilon" or "methods" or "loss" or "attacks");

    // One of each record, with made-up values for what every file must say itself.
    private static JsonNode? Standard() => JsonSerializer.SerializeToNode(
        new ExperimentPlan
        {
            Name = "",
            Data = new ExperimentData { Dataset = default },
            Threat = new ExperimentThreat { Epsilon = 1 },
            Methods = [new ExperimentMethod { Name = "", Loss = "" }],
            Attacks = [new ExperimentAttack { Name = "" }],
        },
        PlanJson.Default.ExperimentPlan);
}
