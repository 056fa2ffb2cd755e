using System.Collections;
using System.Reflection;
using Ardir.Attacks;
using Ardir.Core;
using Ardir.Distillation;
using TorchSharp.Modules;

namespace Ardir.Tests;

/// <summary>A task small enough to train on in a test: 8x8 images of three classes, told apart by which columns are bright.</summary>
internal static class TrainingWorld
{
    public const int TrainCount = 50;
    public const int BatchSize = 16;
    public const int StepsPerEpoch = 4;
    public const double Epsilon = 0.05;

    public static ImageDataset Data(int count = TrainCount, int seed = 1)
    {
        var random = new Random(seed);
        var pixels = new byte[count * 64];
        for (var i = 0; i < pixels.Length; i++)
        {
            var (label, column) = (i / 64 % 3, i % 8);
            pixels[i] = (byte)((column / 3 == label ? 170 : 60) + random.Next(60));
        }
        return new ImageDataset(tensor(pixels, [count, 1, 8, 8], ScalarType.Byte), tensor([.. Enumerable.Range(0, count).Select(i => i % 3L)]));
    }

    public static PreActResNet Network(ulong seed = 1) =>
        PreActResNet.Create(new PreActResNetOptions { InputChannels = 1, Classes = 3, Widths = [4, 8], BlocksPerStage = 1, Seed = seed });

    /// <summary>A network with dropout behind it, which draws from the global generator at every step.</summary>
    public static Sequential Student(ulong seed = 1) => nn.Sequential(("net", Network(seed)), ("drop", nn.Dropout(0.1)));

    public static ArdirLoss Ardir(double beta = 0.5) => new(new() { Beta = beta, Features = new() { Layers = ["net.layer*"], TeacherLayers = ["layer*"] } });

    public static PgdAttack Pgd(int steps = 2) => new(ThreatModel.Linf(Epsilon), new PgdOptions { Steps = steps });

    public static TrainerOptions Options(int epochs = 2) => new()
    {
        Epochs = epochs, BatchSize = BatchSize, LearningRate = 0.05, Milestones = [], Crafting = new OwnCrafting(Pgd()), Seed = 5,
    };

    /// <summary>What a trainer would be made with, without its checks.</summary>
    public static TrainingSetup Setup(TrainerOptions options, IDistillationLoss loss, nn.Module<Tensor, Tensor> student, IModule? teacher = null, IModule? standard = null) => new(
        student, TrainingSetup.NetworksOf(teacher, standard), loss, options, options.Crafting is null ? new([]) : CraftingPlan.Of(options.Crafting, loss, teacher));

    public static Dictionary<string, double[]> State(nn.Module module) =>
        module.state_dict().ToDictionary(pair => pair.Key, pair => TensorAssert.Values(pair.Value));

    public static void SameState(Dictionary<string, double[]> actual, Dictionary<string, double[]> expected)
    {
        actual.Keys.Should().BeEquivalentTo(expected.Keys);
        foreach (var (name, values) in expected)
            if (!actual[name].AsSpan().SequenceEqual(values)) Assert.Fail($"'{name}' differs.");
    }

    /// <summary>Up to rounding in float64.</summary>
    public static void CloseState(Dictionary<string, double[]> actual, Dictionary<string, double[]> expected)
    {
        actual.Keys.Should().BeEquivalentTo(expected.Keys);
        foreach (var (name, values) in expected)
            for (var i = 0; i < values.Length; i++) actual[name][i].Should().BeApproximately(values[i], 1e-8 * Math.Max(1, Math.Abs(values[i])), name);
    }

    public static void SameMetrics(IReadOnlyList<EpochMetrics> actual, IReadOnlyList<EpochMetrics> expected)
    {
        actual.Should().HaveCount(expected.Count);
        foreach (var (a, e) in actual.Zip(expected))
        {
            a.Terms.Should().BeEquivalentTo(e.Terms);
            (a with { Elapsed = default, Terms = e.Terms }).Should().Be(e with { Elapsed = default });
        }
    }

    /// <summary>How many hooks the modules of a model carry, found by reflection.</summary>
    public static int Hooks(nn.Module model)
    {
        var count = 0;
        foreach (var module in model.modules().Append(model))
        {
            for (var type = module.GetType(); type is not null; type = type.BaseType)
            {
                foreach (var field in type.GetFields(BindingFlags.Instance | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
                    if (field.Name.Contains("hook", StringComparison.OrdinalIgnoreCase) && field.GetValue(module) is ICollection hooks) count += hooks.Count;
            }
        }
        return count;
    }
}

/// <summary>An attack that shows what it is given before another one works; without another one the images come back as they are.</summary>
internal sealed class WatchedAttack(IAttack? inner, Action<IModule, Tensor, AttackContext> watch) : IAttack
{
    public string Name => "watched";

    public ThreatModel Threat { get; } = ThreatModel.Linf(TrainingWorld.Epsilon);

    public Tensor Perturb(IModule model, Tensor images, Tensor labels, AttackContext? context = null)
    {
        watch(model, images, context!);
        return inner is null ? images.clone() : inner.Perturb(model, images, labels, context);
    }

    public override string ToString() => Name;
}
