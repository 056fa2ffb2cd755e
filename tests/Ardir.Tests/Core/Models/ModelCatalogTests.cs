using Ardir.Core;

namespace Ardir.Tests.Core.Models;

public sealed class ModelCatalogTests
{
    public static TheoryData<string, Func<nn.Module<Tensor, Tensor>>, ModelCertainty, int> Networks => new()
    {
        { "PreActResNet-18", () => PreActResNet.Create18(100), ModelCertainty.Ambiguous, 2 },
        { "PreActResNet-18", () => PreActResNet.Create18(variant: PreActResNetVariant.Wong), ModelCertainty.Ambiguous, 2 },
        { "PreActResNet-8", () => PreActResNet.Create(new PreActResNetOptions { Widths = [16, 32, 64], BlocksPerStage = 1, InputChannels = 1, Classes = 7 }), ModelCertainty.Ambiguous, 2 },
        { "ResNet-18", () => ResNet.Create18(), ModelCertainty.Exact, 1 },
        { "ResNet-34", () => ResNet.Create(new ResNetOptions { Blocks = [3, 4, 6, 3], Widths = [4, 8, 16, 32] }), ModelCertainty.Exact, 1 },
        { "WideResNet-16-2", () => WideResNet.Create(16, 2, 100), ModelCertainty.Exact, 1 },
        { "WideResNet-10-1", () => WideResNet.Create(10, 1, 2, 1), ModelCertainty.Exact, 1 },
        { "DeepMind WideResNet-16-1", () => DeepMindWideResNet.Create(new DeepMindWideResNetOptions { Depth = 16, Widen = 1 }), ModelCertainty.Ambiguous, 2 },
        { "DeepMind WideResNet-10-3", () => DeepMindWideResNet.Create(new DeepMindWideResNetOptions { Depth = 10, Widen = 3, InputChannels = 1, Normalization = null }), ModelCertainty.Ambiguous, 2 },
        { "DeepMind PreActResNet-18", () => DeepMindPreActResNet.Create(), ModelCertainty.Ambiguous, 2 },
        { "MobileNetV2", () => MobileNetV2.Create(100), ModelCertainty.Exact, 1 },
        { "SmallCnn", () => SmallCnn.Create(new SmallCnnOptions { InputChannels = 3, Height = 32, Width = 32 }), ModelCertainty.Exact, 1 },
    };

    [Theory, MemberData(nameof(Networks))]
    public void Detect_EveryNetworkHere_IsRecognisedAndCanBeMadeAgain(string name, Func<nn.Module<Tensor, Tensor>> make, ModelCertainty certainty, int candidates)
    {
        using var model = make();
        var shapes = Shapes(model);
        var guess = ModelCatalog.Detect(shapes);
        guess.Architecture.Should().Be(name, guess.ToString());
        guess.Certainty.Should().Be(certainty, guess.ToString());
        guess.Candidates.Should().HaveCount(candidates);
        guess.Candidates.Select(candidate => candidate.Name).Should().OnlyHaveUniqueItems();
        foreach (var candidate in guess.Candidates)
        {
            using var again = candidate.Create();
            Shapes(again).Should().BeEquivalentTo(shapes, candidate.Name);
        }
        using var first = guess.Create();
        first.GetType().Should().Be(model.GetType());
        var head = shapes.First(entry => entry.Value.Length == 2 && !entry.Key.StartsWith("classifier.0", StringComparison.Ordinal)).Value;
        guess.Classes.Should().Be((int)head[0]);
        guess.InputChannels.Should().Be((int)shapes.First(entry => entry.Value.Length == 4).Value[1]);
    }

    [Theory]
    [InlineData(PreActResNetVariant.Rice, "Rice", "FastAdversarial"), InlineData(PreActResNetVariant.FastAdversarial, "Rice", "FastAdversarial")]
    [InlineData(PreActResNetVariant.Kuangliu, "Kuangliu", "Wong"), InlineData(PreActResNetVariant.Wong, "Kuangliu", "Wong")]
    public void Detect_PreActResNetVariants_NamesBothThatFit(PreActResNetVariant variant, string first, string second)
    {
        using var model = PreActResNet.Create18(variant: variant);
        var guess = ModelCatalog.Detect(Shapes(model));
        guess.Candidates[0].Name.Should().Contain(first);
        guess.Candidates[1].Name.Should().Contain(second);
        guess.Reasons.Should().Contain(reason => reason.Contains("compare clean accuracies", StringComparison.Ordinal));
        using var made = (PreActResNet)guess.Candidates[1].Create();
        made.Options.Variant.ToString().Should().Be(second);
    }

    [Theory]
    [InlineData("module."), InlineData("module.model."), InlineData("1."), InlineData("module.basic_net."), InlineData("network.")]
    public void Detect_WrappedNames_ArePassedOver(string prefix)
    {
        using var model = WideResNet.Create(10, 1);
        var shapes = Shapes(model).Where(entry => !entry.Key.EndsWith("num_batches_tracked", StringComparison.Ordinal)).ToDictionary(entry => prefix + entry.Key, entry => entry.Value);
        shapes["module.0.mean"] = [3];
        shapes["normalize.std"] = [1, 3, 1, 1];
        shapes[prefix + "sub_block1.layer.0.conv1.weight"] = [160, 16, 3, 3];
        var guess = ModelCatalog.Detect(shapes);
        guess.Certainty.Should().Be(ModelCertainty.Exact, guess.ToString());
        string.Join(' ', guess.Reasons).Should().Contain("normaliser").And.Contain("sub_block1").And.Contain(prefix);
    }

    [Fact]
    public void Detect_IncompleteOrOdd_SaysWhatDiffers()
    {
        using var model = ResNet.Create18();
        var shapes = Shapes(model);
        shapes.Remove("layer2.0.shortcut.1.bias");
        shapes["head.weight"] = [3];
        shapes["linear.bias"] = [11];
        var guess = ModelCatalog.Detect(shapes);
        guess.Certainty.Should().Be(ModelCertainty.Partial);
        guess.Missing.Should().Equal("layer2.0.shortcut.1.bias");
        guess.Unexpected.Should().Equal("head.weight");
        guess.Mismatched.Should().Equal("linear.bias is [11], ResNet-18 has [10]");
        using var made = guess.Create();
        made.Should().BeOfType<ResNet>();
    }

    [Fact]
    public void Detect_Unknown_ExplainsAndRefusesToCreate()
    {
        foreach (var (shapes, hint) in new (Dictionary<string, long[]> Shapes, string Hint)[]
        {
            ([], "empty"), (new() { ["weight"] = [1] }, "weight"),
            (new() { ["conv1.weight"] = [64, 3, 7, 7], ["layer1.0.conv1.weight"] = [64, 64, 3, 3], ["fc.weight"] = [1000, 512] }, "torchvision"),
            (new() { ["conv1.weight"] = [64, 3, 3, 3], ["layer1.0.conv3.weight"] = [256, 64, 1, 1], ["linear.weight"] = [10, 2048] }, "Bottleneck"),
        })
        {
            var guess = ModelCatalog.Detect(shapes);
            (guess.Architecture, guess.Certainty).Should().Be(("unknown", ModelCertainty.Unknown));
            string.Join(' ', guess.Reasons).Should().Contain(hint);
            var create = () => guess.Create();
            create.Should().Throw<InvalidOperationException>().WithMessage($"*{hint}*");
        }
    }

    [Fact]
    public void Detect_DamagedShapes_NeverThrowsAnythingElse()
    {
        var random = new Random(1);
        using var model = WideResNet.Create(10, 1);
        using var small = SmallCnn.Create();
        long[] odd = [0, -1, 1, 2, long.MaxValue, int.MaxValue, 1L << 40, 48];
        foreach (var original in new[] { Shapes(model), Shapes(small) })
        {
            var keys = original.Keys.ToArray();
            for (var round = 0; round < 500; round++)
            {
                var shapes = new Dictionary<string, long[]>(original);
                for (var change = random.Next(1, 4); change > 0; change--)
                    shapes[keys[random.Next(keys.Length)]] = [.. Enumerable.Range(0, random.Next(6)).Select(_ => odd[random.Next(odd.Length)])];
                ModelCatalog.Detect(shapes).Reasons.Should().NotBeEmpty();
            }
        }
        var missing = () => ModelCatalog.Detect(new Dictionary<string, long[]> { ["a"] = null! });
        missing.Should().Throw<ArgumentException>().WithMessage("*'a' has no shape*");
    }

    private static Dictionary<string, long[]> Shapes(nn.Module model) => model.state_dict().ToDictionary(entry => entry.Key, entry => entry.Value.shape);
}
