using System.Text.Json;
using Ardir.Core;

namespace Ardir.Benchmarks;

/// <summary>The small robust network, the images and the official result that the ensemble is compared with.</summary>
internal sealed class FashionFixture : IDisposable
{
    private static readonly string _folder = Path.Combine(AppContext.BaseDirectory, "Fashion");

    private readonly JsonDocument _official = JsonDocument.Parse(File.ReadAllText(Path.Combine(_folder, "autoattack_fashion.json")));

    public FashionFixture(int count)
    {
        Model = SmallCnn.Create();
        Model.LoadWeights(Path.Combine(_folder, "fm_robust.safetensors"));
        Model.eval();
        using var data = ImageDataset.Mnist(_folder, Split.Test, ImageDataset.FashionMnistClassNames);
        (Images, Labels) = data.Batch([.. Enumerable.Range(0, count).Select(i => (long)i)]);
    }

    public nn.Module<Tensor, Tensor> Model { get; }

    public Tensor Images { get; }

    public Tensor Labels { get; }

    public bool[] OfficialRobust => [.. _official.RootElement.GetProperty("robust").EnumerateArray().Select(flag => flag.GetBoolean())];

    /// <summary>What is known of each attack of the official run.</summary>
    public IEnumerable<JsonElement> OfficialAttacks => _official.RootElement.GetProperty("attacks").EnumerateArray();

    public IEnumerable<(long Evaluations, double Seconds)> OfficialCosts => OfficialAttacks.Select(
        attack => (attack.GetProperty("sample_forwards").GetInt64() + attack.GetProperty("sample_backwards").GetInt64(), attack.GetProperty("seconds").GetDouble()));

    public void Dispose()
    {
        _official.Dispose();
        Model.Dispose();
        Images.Dispose();
        Labels.Dispose();
    }
}
