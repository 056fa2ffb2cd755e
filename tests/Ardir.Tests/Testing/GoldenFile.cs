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

    /// <summary>The element at a path such as <c>attack/ce/grads/0</c>.</summary>
    public JsonElement At(string path)
    {
        var element = _root;
        foreach (var part in path.Split('/'))
            element = element.ValueKind == JsonValueKind.Array ? element[int.Parse(part)] : element.GetProperty(part);
        return element;
    }

    public Tensor Tensor(string path)
    {
        var element = At(path);
        var shape = element.GetProperty("shape").EnumerateArray().Select(size => size.GetInt64()).ToArray();
        return tensor(element.GetProperty("data").EnumerateArray().Select(value => value.GetDouble()).ToArray(), shape);
    }

    public Tensor Classes(string path) => tensor(At(path).EnumerateArray().Select(value => value.GetInt64()).ToArray());

    public double Number(string path) => At(path).GetDouble();
}
