using System.Text.Json;

namespace Ardir.Tests;

/// <summary>Reads Goldens/*.json: tensors are <c>{"shape": [...], "data": [row-major]}</c>.</summary>
internal static class Golden
{
    public static JsonElement Load(string file) =>
        JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Goldens", file))).RootElement;

    public static Tensor Tensor(JsonElement parent, string name) => Tensor(parent.GetProperty(name));

    public static Tensor Tensor(JsonElement element) => tensor(
        element.GetProperty("data").ValueKind == JsonValueKind.Array ? [.. element.GetProperty("data").EnumerateArray().Select(value => value.GetDouble())] : new[] { element.GetProperty("data").GetDouble() },
        [.. element.GetProperty("shape").EnumerateArray().Select(value => value.GetInt64())], ScalarType.Float64);

    public static Tensor[] Tensors(JsonElement parent, string name) => [.. parent.GetProperty(name).EnumerateArray().Select(Tensor)];

    public static Tensor Labels(JsonElement parent, string name) => tensor(parent.GetProperty(name).EnumerateArray().Select(value => value.GetInt64()).ToArray());

    public static void ShouldMatch(Tensor actual, Tensor expected, double tolerance)
    {
        actual.shape.Should().Equal(expected.shape);
        var worst = (actual.to(ScalarType.Float64) - expected).abs().max().ToDouble();
        worst.Should().BeLessThanOrEqualTo(tolerance);
    }
}
