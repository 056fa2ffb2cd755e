using System.Text.Json.Serialization;

namespace Ardir.Distillation;

/// <summary>How ranks write what they tell each other as texts.</summary>
[JsonSourceGenerationOptions(NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(Dictionary<string, string>), TypeInfoPropertyName = "Texts")]
[JsonSerializable(typeof(Dictionary<string, PartialSum>), TypeInfoPropertyName = "Sums")]
internal sealed partial class RankJson : JsonSerializerContext;
