using System.Text.Json.Serialization;

namespace Ardir.Attacks;

/// <summary>What the ranks of an evaluation tell each other besides batches of an ensemble.</summary>
[JsonSourceGenerationOptions(NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(Dictionary<string, string>))]
[JsonSerializable(typeof(List<EvaluationFinding>))]
[JsonSerializable(typeof(EvaluatorBatch))]
[JsonSerializable(typeof(double[]))]
internal sealed partial class RankJson : JsonSerializerContext;
