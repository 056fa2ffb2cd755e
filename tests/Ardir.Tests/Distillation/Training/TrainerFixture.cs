using Ardir.Attacks;
using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>A job that trains in a second: two classes of 8x8 images told apart by which half is bright, and a network with dropout.</summary>
internal static class TrainerFixture
{
    public static readonly ThreatModel Threat = ThreatModel.Linf(0.1);

    public static ImageDataset Data(int count, int seed)
    {
        var random = new Random(seed);
        var pixels = new byte[count * 64];
        var labels = new long[count];
        for (var i = 0; i < count; i++)
        {
            labels[i] = random.Next(3);
            for (var p = 0; p < 64; p++)
                pixels[i * 64 + p] = (byte)((p / 8 / 3 == labels[i] ? 150 : 40) + random.Next(60));
        }
        return new ImageDataset(tensor(pixels, [count, 1, 8, 8], ScalarType.Byte), tensor(labels), ["top", "middle", "bottom"]);
    }

    /// <summary>With dropout, which draws from the global generator, and batch norm, which has state besides the weights.</summary>
    public static nn.Module<Tensor, Tensor> Network(ulong seed) => nn.Sequential(
        ("body", PreActResNet.Create(new PreActResNetOptions { InputChannels = 1, Classes = 6, Widths = [4, 6], BlocksPerStage = 1, Seed = seed })),
        ("dropout", nn.Dropout(0.2)),
        ("head", Head(seed)));

    public static TrainerOptions Options(string? folder = null) => new()
    {
        Epochs = 4,
        BatchSize = 20,
        LearningRate = 0.1,
        Milestones = [2],
        Seed = 7,
        Augmentation = new ImageAugmentation { Padding = 1 },
        TrainAttack = new PgdAttack(Threat, new PgdOptions { Steps = 2 }),
        SelectionAttack = new PgdAttack(Threat, new PgdOptions { Steps = 3 }),
        CheckpointDirectory = folder,
    };

    public static ArdirLoss Loss() => new(new ArdirLossOptions { Layers = ["body.layer*"] });

    /// <summary>All tensors of a model as numbers.</summary>
    public static Dictionary<string, double[]> State(nn.Module model) =>
        model.state_dict().ToDictionary(pair => pair.Key, pair => TensorAssert.Values(pair.Value));

    public static void SameState(Dictionary<string, double[]> actual, Dictionary<string, double[]> expected)
    {
        actual.Keys.Should().BeEquivalentTo(expected.Keys);
        foreach (var (name, values) in expected) actual[name].Should().Equal(values, name);
    }

    private static nn.Module<Tensor, Tensor> Head(ulong seed)
    {
        var head = nn.Linear(6, 3);
        using var noGrad = no_grad();
        using var weight = TinyModels.Random([3, 6], (int)seed, ScalarType.Float32, -0.4, 0.4);
        head.weight!.copy_(weight);
        head.bias!.zero_();
        return head;
    }
}
