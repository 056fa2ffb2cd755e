using System.Text.Json;

namespace Ardir.Tests;

/// <summary>Reference values in Goldens/*.json; tensors are {"shape": [...], "data": [row-major]} and are read as float64.</summary>
internal sealed class GoldenFile
{
    private readonly JsonElement _root;

    private GoldenFile(JsonElement root) => _root = root;

    public static GoldenFile Load(string name)
    {
        var path = Path.Combine(AppContext.BaseDirectory, "Goldens", name + ".json");
        using var document = JsonDocument.Parse(File.ReadAllText(path));
        return new GoldenFile(document.RootElement.Clone());
    }

    /// <summary>One entry as a file of its own; for names with a slash.</summary>
    public GoldenFile Child(string name) => new(_root.GetProperty(name));

    /// <summary>The element at a path such as <c>attack/ce/grads/0</c>.</summary>
    public JsonElement At(string path)
    {
        var element = _root;
        foreach (var part in path.Split('/'))
            element = element.ValueKind == JsonValueKind.Array ? element[int.Parse(part)] : element.GetProperty(part);
        return element;
    }

    public Tensor Tensor(string path) => Tensor(At(path));

    public Tensor[] Tensors(string path) => [.. At(path).EnumerateArray().Select(Tensor)];

    private static Tensor Tensor(JsonElement element)
    {
        var shape = element.GetProperty("shape").EnumerateArray().Select(size => size.GetInt64()).ToArray();
        var data = element.GetProperty("data");
        double[] values = data.ValueKind == JsonValueKind.Array ? [.. data.EnumerateArray().Select(value => value.GetDouble())] : [data.GetDouble()];
        return tensor(values, shape);
    }

    public Tensor Classes(string path) => tensor(At(path).EnumerateArray().Select(value => value.GetInt64()).ToArray());

    public bool[] Flags(string path) => [.. At(path).EnumerateArray().Select(value => value.GetBoolean())];

    public double Number(string path) => At(path).GetDouble();
}
