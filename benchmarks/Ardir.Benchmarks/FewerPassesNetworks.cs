using Ardir.Attacks;
using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Benchmarks;

/// <summary>The networks on which the cost of the ensemble is measured, each with its images and threat model. They are small and trained for minutes
/// on 1000 images, so that an evaluation that never gives up ends in minutes, too.</summary>
internal static class FewerPassesNetworks
{
    private const int TrainingImages = 1000;
    private const int TestImages = 160;
    private const double Confidence = 1000;
    private const int Levels = 16;

    // By name, because some networks are measured twice, under another threat model or behind another function.
    private static readonly Dictionary<string, FewerPassesCase> _trained = new(StringComparer.Ordinal);

    /// <summary>Names of the networks, and how each is made.</summary>
    public static IReadOnlyDictionary<string, Func<FewerPassesFolders, FewerPassesCase>> All { get; } =
        new Dictionary<string, Func<FewerPassesFolders, FewerPassesCase>>(StringComparer.Ordinal)
        {
            ["fixture"] = _ => Fixture(),
            ["residual"] = folders => Fashion(folders, "residual", ThreatModel.Linf(0.1), Residual()),
            ["L2"] = folders => Fashion(folders, "l2", ThreatModel.L2(1), Small(2)),
            ["L1"] = folders => Fashion(folders, "l2", ThreatModel.L2(1), Small(2)) with { Threat = ThreatModel.L1(8) },
            ["confident"] = folders => Masked(folders, x => x, z => z * Confidence),
            // Gradients pass the rounding as if it were not there, so that they point where the model itself does not change.
            ["quantised"] = folders => Masked(folders, x => x + ((x * (Levels - 1)).round() / (Levels - 1) - x).detach(), z => z),
            ["CIFAR-10"] = Cifar,
        };

    /// <summary>What they are, in the same words as the table.</summary>
    public static IReadOnlyDictionary<string, string> Descriptions { get; } = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["fixture"] = "the small convolutional network of the official result, Fashion-MNIST",
        ["residual"] = "a residual network with batch normalisation, trained in Linf, Fashion-MNIST",
        ["L2"] = "a small convolutional network, trained in L2, Fashion-MNIST",
        ["L1"] = "the network that was trained in L2, Fashion-MNIST",
        ["confident"] = "a small convolutional network, trained in Linf, whose logits are multiplied by 1000: its cross-entropy has hardly a gradient, Fashion-MNIST",
        ["quantised"] = "the same network behind a rounding of the image to 16 levels, with the gradient of the identity, Fashion-MNIST",
        ["CIFAR-10"] = "a wider convolutional network, trained in Linf, CIFAR-10",
    };

    private static FewerPassesCase Fixture()
    {
        var fixture = new FashionFixture(256);
        return new FewerPassesCase(fixture.Model, fixture.Images, fixture.Labels, ThreatModel.Linf(0.1));
    }

    private static PreActResNet Residual() => PreActResNet.Create(new PreActResNetOptions
    {
        InputChannels = 1, Widths = [8, 16, 32], BlocksPerStage = 1, FirstStride = 2, Seed = 1,
    });

    private static SmallCnn Small(ulong seed) => SmallCnn.Create(new SmallCnnOptions { Seed = seed });

    private static FewerPassesCase Masked(FewerPassesFolders folders, Func<Tensor, Tensor> before, Func<Tensor, Tensor> after)
    {
        var plain = Fashion(folders, "masked", ThreatModel.Linf(0.1), Small(4));
        return plain with { Model = new Wrapped(plain.Model, before, after) };
    }

    private static FewerPassesCase Fashion(FewerPassesFolders folders, string name, ThreatModel threat, nn.Module<Tensor, Tensor> model)
    {
        if (_trained.TryGetValue(name, out var known)) return known;
        using var train = ImageDataset.Mnist(folders.Fashion, Split.Train, ImageDataset.FashionMnistClassNames);
        using var test = ImageDataset.Mnist(folders.Fashion, Split.Test, ImageDataset.FashionMnistClassNames);
        return _trained[name] = Train(folders, name, threat, model, train, test, epochs: 30, steps: null);
    }

    private static FewerPassesCase Cifar(FewerPassesFolders folders)
    {
        var folder = folders.Cifar ?? throw new ArgumentException("The network for CIFAR-10 needs --cifar FOLDER.");
        using var train = ImageDataset.Cifar10(folder, Split.Train, allowPartial: true);
        using var test = ImageDataset.Cifar10(folder, Split.Test, allowPartial: true);
        var model = SmallCnn.Create(new SmallCnnOptions
        {
            InputChannels = 3, Height = 32, Width = 32, FirstWidth = 24, SecondWidth = 64, Hidden = 200, Seed = 5,
        });
        return Train(folders, "cifar", ThreatModel.Linf(2 / 255.0), model, train, test, epochs: 20, steps: 5);
    }

    private static FewerPassesCase Train(
        FewerPassesFolders folders, string name, ThreatModel threat, nn.Module<Tensor, Tensor> model, ImageDataset training, ImageDataset testing,
        int epochs, int? steps)
    {
        using var train = training.Take(TrainingImages);
        using var test = testing.Take(TestImages);
        using var trainer = new DistillationTrainer(model, null, new AdversarialTrainingLoss(), new TrainerOptions
        {
            Epochs = epochs, BatchSize = 100, LearningRate = 0.05, Milestones = [epochs * 2 / 3, epochs * 26 / 30],
            Crafting = new PrescribedCrafting(threat) { Steps = steps },
            CheckpointDirectory = folders.Checkpoints is null ? null : Path.Combine(folders.Checkpoints, name), Seed = 1,
        });
        Console.Error.WriteLine($"training {name}");
        trainer.Fit(train, test);
        model.eval();
        var (images, labels) = test.Batch([.. Enumerable.Range(0, test.Count).Select(i => (long)i)]);
        return new FewerPassesCase(model, images, labels, threat);
    }

    /// <summary>Calls a function before and after a network.</summary>
    private sealed class Wrapped(nn.Module<Tensor, Tensor> inner, Func<Tensor, Tensor> before, Func<Tensor, Tensor> after)
        : nn.Module<Tensor, Tensor>(nameof(Wrapped))
    {
        public override Tensor forward(Tensor input) => after(inner.call(before(input)));
    }
}
