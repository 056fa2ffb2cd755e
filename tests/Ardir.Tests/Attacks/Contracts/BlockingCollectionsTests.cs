using System.Runtime;
using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>A concurrent collection frees numbers that TorchSharp has handed to libtorch: none may run while the library works.</summary>
public sealed class BlockingCollectionsTests
{
    [Fact]
    public void Perturb_WhileItRuns_NoCollectionIsConcurrent()
    {
        using var scope = NewDisposeScope();
        var modes = new HashSet<GCLatencyMode>();
        var model = new FuncModel(x =>
        {
            modes.Add(GCSettings.LatencyMode);
            return x.flatten(1).narrow(1, 0, 3);
        });
        var images = TinyModels.Images(2);
        using var adversarial = new PgdAttack(ThreatModel.Linf(0.1)).Perturb(model, images, zeros(2, ScalarType.Int64));
        modes.Should().Equal(GCLatencyMode.Batch);
    }
}
