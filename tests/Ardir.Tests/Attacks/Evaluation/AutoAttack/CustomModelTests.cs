using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>Whatever is an <c>IModule</c> can be evaluated: kinds of models, shapes and dtypes.</summary>
public sealed class CustomModelTests
{
    [Fact]
    public void Evaluate_OneModelInManyForms_GivesOneResult()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var net = TinyModels.Linear(dtype: ScalarType.Float32);
        var layer = nn.Linear(16, 4);
        using (no_grad())
        {
            layer.weight!.copy_(net.Weight);
            layer.bias!.copy_(net.Bias);
        }
        TorchScriptFile.Write(folder.File("made.pt"), net);
        using var script = jit.load<Tensor, Tensor>(folder.File("made.pt"));
        jit.save(script, folder.File("saved.pt"));
        using var loaded = jit.load<Tensor, Tensor>(folder.File("saved.pt"));
        var images = TinyModels.Images(8);
        var labels = net.call(images).argmax(1);
        using var expected = Cheap(ThreatModel.Linf(0.1)).Evaluate(net, images, labels);
        expected.RobustAccuracy.Should().BeInRange(0.1, 0.9);
        foreach (var model in new IModule[] { nn.Sequential(nn.Flatten(), layer), new OpaqueModel(net.call), script, loaded })
        {
            using var report = Cheap(ThreatModel.Linf(0.1)).Evaluate(model, images, labels);
            report.Robust.Should().Equal(expected.Robust);
            report.BrokenBy.Should().Equal(expected.BrokenBy);
            report.Findings.Should().BeEmpty();
            TensorAssert.Close(report.Adversarial, expected.Adversarial, 1e-6);
        }
    }

    [Fact]
    public void Evaluate_TorchScriptState_KnowsItsWeights()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        TorchScriptFile.Write(folder.File("one.pt"), TinyModels.Linear(dtype: ScalarType.Float32));
        TorchScriptFile.Write(folder.File("other.pt"), TinyModels.Linear(dtype: ScalarType.Float32, seed: 6));
        using var one = jit.load<Tensor, Tensor>(folder.File("one.pt"));
        using var other = jit.load<Tensor, Tensor>(folder.File("other.pt"));
        var images = TinyModels.Images(8);
        var attack = Cheap(ThreatModel.Linf(0.1), statePath: folder.File("run.state"));
        attack.Evaluate(one, images, TinyModels.Labels(8)).Dispose();
        attack.Evaluate(one, images, TinyModels.Labels(8)).Dispose();
        var act = () => attack.Evaluate(other, images, TinyModels.Labels(8));
        act.Should().Throw<InvalidOperationException>().WithMessage("*model: was*");
    }

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(1, 2, 3)]
    [InlineData(3, 1, 7)]
    [InlineData(2, 9, 2)]
    public void Evaluate_TinyAndNonSquareImages_Work(int channels, int height, int width)
    {
        using var scope = NewDisposeScope();
        var net = TinyModels.Linear(inputs: channels * height * width);
        var images = TinyModels.Random([5, channels, height, width], 4);
        var labels = net.call(images).argmax(1);
        foreach (var threat in new[] { ThreatModel.Linf(0.2), ThreatModel.L2(0.4), ThreatModel.L1(0.8) })
        {
            using var report = Cheap(threat).Evaluate(net, images, labels);
            TensorAssert.AllTrue(threat.Contains(images, report.Adversarial));
            report.CleanAccuracy.Should().Be(1);
            using var folder = new TemporaryFolder();
            report.SaveHtml(folder.File("r.html"));
            new FileInfo(folder.File("r.html")).Length.Should().BePositive();
        }
    }

    [Theory]
    [InlineData(ScalarType.Float64)]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float16)]
    [InlineData(ScalarType.BFloat16)]
    public void Evaluate_AnyPrecision_StaysInItAndInTheBall(ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var net = TinyModels.Smooth(dtype: dtype);
        var images = TinyModels.Images(8, dtype);
        var labels = TinyModels.Predicted(net, images);
        foreach (var threat in new[] { ThreatModel.Linf(0.05), ThreatModel.L2(0.2), ThreatModel.L1(0.5) })
        {
            var attack = Cheap(threat, statePath: folder.File($"{threat.Norm}.state"));
            using var report = attack.Evaluate(net, images, labels);
            report.Adversarial.dtype.Should().Be(dtype);
            report.RobustAccuracy.Should().BeLessThan(report.CleanAccuracy);
            TensorAssert.AllTrue(threat.Contains(images, report.Adversarial));
            using var again = attack.Evaluate(net, images, labels);
            TensorAssert.Same(again.Adversarial, report.Adversarial);
        }
    }

    private static AutoAttack Cheap(ThreatModel threat, int batchSize = 256, string? statePath = null) => new(threat, new AutoAttackOptions
    {
        Version = AutoAttackVersion.Custom,
        Attacks =
        [
            new ApgdAttack(threat, new ApgdOptions { Search = new() { Iterations = 10 } }),
            new SquareAttack(threat, new SquareOptions { Queries = 30 }),
            new FgsmAttack(threat),
            new TargetedFabAttack(threat, new TargetedFabOptions { Search = new() { Iterations = 5 } }),
            new TargetedApgdAttack(threat, new TargetedApgdOptions { Search = new() { Iterations = 10 } }),
        ],
        BatchSize = batchSize,
        StatePath = statePath,
    });
}
