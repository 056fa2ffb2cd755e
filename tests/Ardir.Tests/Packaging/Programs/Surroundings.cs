// Compiled against the packed packages by PackedPackagesTests: what the code of the documents takes for granted, at the smallest size.
using Ardir.Attacks;
using Ardir.Core;
using Ardir.Distillation;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using TorchSharp;
using static TorchSharp.torch;
using Module = TorchSharp.torch.nn.Module<TorchSharp.torch.Tensor, TorchSharp.torch.Tensor>;

/// <summary>
/// The names that documents use without declaring them. A block becomes the body of Run in a class derived from this one.
/// </summary>
internal abstract class Surroundings : IDisposable
{
    private readonly DisposeScope _scope = NewDisposeScope();

    protected readonly Module model = Network(1), student = Network(2), teacher = Network(3);
    protected readonly Tensor images = rand(4, 3, 32, 32), labels;
    protected readonly ThreatModel threat = ThreatModel.Linf(8 / 255.0);
    protected readonly IAttack pgd = new PgdAttack(ThreatModel.Linf(8 / 255.0));
    protected readonly IAttack pgd20 = new PgdAttack(ThreatModel.Linf(8 / 255.0), new PgdOptions { Steps = 20 });
    protected readonly ImageDataset trainSet = Data(64), validationSet = Data(32), testSet = Data(32);
    protected readonly IProgress<TrainingProgress> progress = new Progress<TrainingProgress>();
    protected readonly ILogger logger = NullLogger.Instance;
    protected readonly CancellationToken cancellationToken = CancellationToken.None;
    protected readonly List<(Tensor, Tensor)> batches =
        [.. Enumerable.Range(0, 3).Select(_ => (rand(8, 3, 32, 32), randint(10, [8], ScalarType.Int64)))];
    protected readonly optim.Optimizer optimizer;

    protected Surroundings()
    {
        labels = model.call(images).argmax(1);
        optimizer = optim.SGD(student.parameters().ToArray(), 0.05, momentum: 0.9);
        using var saved = PreActResNet.Create(TinyResNet);
        saved.SaveTorch("teacher.pt");
    }

    /// <summary>Stands in for PreActResNet-18.</summary>
    public static PreActResNetOptions TinyResNet { get; } = new() { Widths = [4, 4, 4, 4], BlocksPerStage = 1, FirstStride = 2, Seed = 4 };

    /// <summary>
    /// Stands in for the standard AutoAttack, whose Square attack alone asks a model 5,000 times. MeasureRobustness in Program.cs runs
    /// the real one.
    /// </summary>
    public static AutoAttack Short(ThreatModel threat, AutoAttackOptions? options = null)
    {
        IAttack[] attacks =
        [
            new ApgdAttack(threat, new ApgdOptions { Search = new() { Iterations = 25 } }),
            new TargetedApgdAttack(threat, new TargetedApgdOptions { Search = new() { Iterations = 25 }, Classes = 2 }),
            new SquareAttack(threat, new SquareOptions { Queries = 100 }),
        ];
        return new AutoAttack(threat, (options ?? new AutoAttackOptions()) with { Version = AutoAttackVersion.Custom, Attacks = attacks });
    }

    /// <summary>The block of code.</summary>
    public abstract Task Run();

    /// <summary>Whether what the block printed is right.</summary>
    public virtual void Check(string output)
    {
    }

    public void Dispose()
    {
        foreach (var data in new[] { trainSet, validationSet, testSet }) data.Dispose();
        _scope.Dispose();
    }

    protected static void Expect(string output, params string[] parts)
    {
        foreach (var part in parts)
            if (!output.Contains(part, StringComparison.Ordinal)) throw new InvalidOperationException($"Expected '{part}'.");
    }

    /// <summary>A linear layer with these weights.</summary>
    protected static Module Linear(float[][] weights, float[] bias)
    {
        var layer = nn.Linear(weights[0].Length, bias.Length);
        using var noGrad = no_grad();
        layer.weight!.copy_(tensor([.. weights.SelectMany(row => row)], [bias.Length, weights[0].Length]));
        layer.bias!.copy_(tensor(bias));
        return layer;
    }

    /// <summary>Logits 0 and the weighted sum of the inputs.</summary>
    protected static Module Scorer(double[] weights, double bias) =>
        Linear([new float[weights.Length], [.. weights.Select(weight => (float)weight)]], [0, (float)bias]);

    /// <summary>Stages layer1 to layer4 as in a ResNet, for pixels in [0,1].</summary>
    private static Module Network(long seed)
    {
        torch.manual_seed(seed);
        return nn.Sequential(
            ("layer1", nn.Sequential(("conv", nn.Conv2d(3, 4, 3, stride: 4, padding: 1)), ("relu", nn.ReLU()))),
            ("layer2", nn.Conv2d(4, 4, 3, padding: 1)),
            ("layer3", nn.Conv2d(4, 4, 3, stride: 2, padding: 1)),
            ("layer4", nn.Conv2d(4, 4, 3, padding: 1)),
            ("flatten", nn.Flatten()), ("linear", nn.Linear(4 * 4 * 4, 10)));
    }

    private static ImageDataset Data(long count) =>
        new(randint(256, [count, 3, 32, 32], ScalarType.Byte), arange(count, ScalarType.Int64).remainder(10));
}
