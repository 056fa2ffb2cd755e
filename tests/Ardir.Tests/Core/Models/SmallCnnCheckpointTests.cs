using Ardir.Core;

namespace Ardir.Tests.Core.Models;

/// <summary>Weights trained in PyTorch, from the file to the accuracy that PyTorch measured.</summary>
public sealed class SmallCnnCheckpointTests
{
    [Fact]
    public void Detect_RobustFashionWeights_IsTheNetworkWithTheReferenceAccuracy()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var (weights, _) = SafetensorsFile.Read(Path.Combine(AppContext.BaseDirectory, "Goldens", "fm_robust.safetensors"));
        var guess = ModelCatalog.Detect(weights.ToDictionary(entry => entry.Key, entry => entry.Value.shape));
        (guess.Architecture, guess.Certainty, guess.Classes, guess.InputChannels).Should().Be(("SmallCnn", ModelCertainty.Exact, 10, 1));
        using var model = guess.Create();
        foreach (var (name, value) in model.state_dict()) value.copy_(weights[name]);
        using var data = ImageDataset.Mnist(Path.Combine(AppContext.BaseDirectory, "Data", "fashion-mnist"), Split.Test, ImageDataset.FashionMnistClassNames);
        foreach (var (images, labels) in new ImageBatches(data, new ImageBatchOptions { BatchSize = 256, Shuffle = false }).Epoch(0).Take(1))
        {
            var accuracy = (model.call(images).argmax(1) == labels).to(ScalarType.Float64).mean().ToDouble();
            accuracy.Should().Be(GoldenFile.Load("autoattack_fashion").Number("clean_accuracy"));
        }
        foreach (var value in weights.Values) value.Dispose();
    }
}
