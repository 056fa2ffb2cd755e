using Ardir.Core;

namespace Ardir.Tests.Core.Models;

/// <summary>State entries named exactly as in published checkpoints.</summary>
public sealed class ArchitectureKeysTests
{
    [Theory]
    [InlineData(PreActResNetVariant.Rice, true), InlineData(PreActResNetVariant.FastAdversarial, true)]
    [InlineData(PreActResNetVariant.Kuangliu, false), InlineData(PreActResNetVariant.Wong, false)]
    public void PreActResNet_Variants_HaveAFinalNormOrNot(PreActResNetVariant variant, bool finalNorm)
    {
        using var model = PreActResNet.Create18(variant: variant);
        List<string> expected = ["conv1.weight", .. finalNorm ? StateKeys.BatchNorm("bn") : [], .. StateKeys.Affine("linear")];
        for (var stage = 1; stage <= 4; stage++)
        {
            for (var i = 0; i < 2; i++)
            {
                var at = $"layer{stage}.{i}";
                expected.AddRange([.. StateKeys.BatchNorm($"{at}.bn1"), $"{at}.conv1.weight", .. StateKeys.BatchNorm($"{at}.bn2"), $"{at}.conv2.weight"]);
            }
            if (stage > 1) expected.Add($"layer{stage}.0.shortcut.0.weight");
        }
        model.state_dict().Keys.Should().BeEquivalentTo(expected);
    }

    [Fact]
    public void ResNet18_Keys_AreKuangliu()
    {
        using var model = ResNet.Create18();
        List<string> expected = ["conv1.weight", .. StateKeys.BatchNorm("bn1"), .. StateKeys.Affine("linear")];
        for (var stage = 1; stage <= 4; stage++)
        {
            for (var i = 0; i < 2; i++)
            {
                var at = $"layer{stage}.{i}";
                expected.AddRange([$"{at}.conv1.weight", .. StateKeys.BatchNorm($"{at}.bn1"), $"{at}.conv2.weight", .. StateKeys.BatchNorm($"{at}.bn2")]);
            }
            if (stage > 1) expected.AddRange([$"layer{stage}.0.shortcut.0.weight", .. StateKeys.BatchNorm($"layer{stage}.0.shortcut.1")]);
        }
        model.state_dict().Keys.Should().BeEquivalentTo(expected);
        model.state_dict()["layer4.0.shortcut.0.weight"].shape.Should().Equal(512, 256, 1, 1);
    }

    [Fact]
    public void WideResNet_Keys_AreThoseOfTrades()
    {
        using var model = WideResNet.Create(16, 2);
        List<string> expected = ["conv1.weight", .. StateKeys.BatchNorm("bn1"), .. StateKeys.Affine("fc")];
        for (var group = 1; group <= 3; group++)
        {
            for (var i = 0; i < 2; i++)
            {
                var at = $"block{group}.layer.{i}";
                expected.AddRange([.. StateKeys.BatchNorm($"{at}.bn1"), $"{at}.conv1.weight", .. StateKeys.BatchNorm($"{at}.bn2"), $"{at}.conv2.weight"]);
            }
            expected.Add($"block{group}.layer.0.convShortcut.weight");
        }
        model.state_dict().Keys.Should().BeEquivalentTo(expected);
        using var thin = WideResNet.Create(10, 1);
        thin.state_dict().Keys.Should().NotContain("block1.layer.0.convShortcut.weight", "16 channels stay 16 channels").And.Contain("block2.layer.0.convShortcut.weight");
    }

    [Fact]
    public void DeepMindWideResNet_Keys_AreDeepMinds()
    {
        using var model = DeepMindWideResNet.Create(new DeepMindWideResNetOptions { Depth = 16, Widen = 2 });
        List<string> expected = ["init_conv.weight", .. StateKeys.BatchNorm("batchnorm"), .. StateKeys.Affine("logits")];
        for (var group = 0; group < 3; group++)
        {
            for (var i = 0; i < 2; i++)
            {
                var at = $"layer.{group}.block.{i}";
                expected.AddRange([.. StateKeys.BatchNorm($"{at}.batchnorm_0"), $"{at}.conv_0.weight", .. StateKeys.BatchNorm($"{at}.batchnorm_1"), $"{at}.conv_1.weight"]);
            }
            expected.Add($"layer.{group}.block.0.shortcut.weight");
        }
        model.state_dict().Keys.Should().BeEquivalentTo(expected);
    }

    [Fact]
    public void DeepMindPreActResNet_Keys_AreDeepMinds()
    {
        using var model = DeepMindPreActResNet.Create();
        List<string> expected = ["conv_2d.weight", .. StateKeys.BatchNorm("batchnorm"), .. StateKeys.Affine("logits")];
        for (var stage = 0; stage < 4; stage++)
        {
            for (var i = 0; i < 2; i++)
            {
                var at = $"layer_{stage}.{i}";
                expected.AddRange([.. StateKeys.BatchNorm($"{at}.batchnorm_0"), $"{at}.conv_2d_1.weight", .. StateKeys.BatchNorm($"{at}.batchnorm_1"), $"{at}.conv_2d_2.weight"]);
            }
            if (stage > 0) expected.Add($"layer_{stage}.0.shortcut.weight");
        }
        model.state_dict().Keys.Should().BeEquivalentTo(expected);
        model.state_dict()["layer_1.0.shortcut.weight"].shape.Should().Equal(128, 64, 3, 3);
    }

    [Fact]
    public void MobileNetV2_Keys_AreKuangliu()
    {
        using var model = MobileNetV2.Create();
        List<string> expected = ["conv1.weight", .. StateKeys.BatchNorm("bn1"), "conv2.weight", .. StateKeys.BatchNorm("bn2"), .. StateKeys.Affine("linear")];
        for (var i = 0; i < 17; i++)
        {
            for (var layer = 1; layer <= 3; layer++) expected.AddRange([$"layers.{i}.conv{layer}.weight", .. StateKeys.BatchNorm($"layers.{i}.bn{layer}")]);
            if (i is 0 or 1 or 10 or 16) expected.AddRange([$"layers.{i}.shortcut.0.weight", .. StateKeys.BatchNorm($"layers.{i}.shortcut.1")]);
        }
        model.state_dict().Keys.Should().BeEquivalentTo(expected);
        model.state_dict()["layers.1.conv2.weight"].shape.Should().Equal(96, 1, 3, 3);
    }

    [Fact]
    public void SmallCnn_Keys_AreThoseOfTheFashionFiles()
    {
        using var model = SmallCnn.Create();
        model.state_dict().ToDictionary(pair => pair.Key, pair => string.Join('x', pair.Value.shape)).Should().BeEquivalentTo(new Dictionary<string, string>
        {
            ["features.0.weight"] = "16x1x3x3", ["features.0.bias"] = "16", ["features.3.weight"] = "32x16x3x3", ["features.3.bias"] = "32",
            ["classifier.0.weight"] = "100x1568", ["classifier.0.bias"] = "100", ["classifier.2.weight"] = "10x100", ["classifier.2.bias"] = "10",
        });
    }
}
