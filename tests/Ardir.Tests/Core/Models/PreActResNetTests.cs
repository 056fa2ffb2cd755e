using Ardir.Core;

namespace Ardir.Tests.Core.Models;

public sealed class PreActResNetTests
{
    private static readonly PreActResNetOptions _tiny = new() { InputChannels = 1, Widths = [16, 32, 64], BlocksPerStage = 1, Seed = 3 };

    [Theory]
    [InlineData(10, 11_172_170)]
    [InlineData(100, 11_218_340)]
    public void Create18_Classes_HasThePublishedNumberOfParameters(int classes, long parameters)
    {
        using var model = PreActResNet.Create18(classes);
        model.parameters().Sum(parameter => parameter.numel()).Should().Be(parameters);
        model.state_dict().Should().HaveCount(107);
    }

    [Fact]
    public void StateDict_PreActResNet18_HasTheKeysOfTheCheckpoints()
    {
        using var model = PreActResNet.Create18();
        List<string> expected = ["conv1.weight", .. StateKeys.BatchNorm("bn"), "linear.weight", "linear.bias"];
        for (var stage = 1; stage <= 4; stage++)
        {
            for (var block = 0; block < 2; block++)
            {
                var path = $"layer{stage}.{block}";
                expected.AddRange([.. StateKeys.BatchNorm($"{path}.bn1"), $"{path}.conv1.weight", .. StateKeys.BatchNorm($"{path}.bn2"), $"{path}.conv2.weight"]);
            }
            if (stage > 1) expected.Add($"layer{stage}.0.shortcut.0.weight");
        }
        model.state_dict().Keys.Should().BeEquivalentTo(expected);
        model.state_dict()["layer3.0.shortcut.0.weight"].shape.Should().Equal(256, 128, 1, 1);
    }

    [Fact]
    public void Forward_TinyOnFashionImages_GivesLogitsAndTapsAfterActivation()
    {
        using var scope = NewDisposeScope();
        using var model = PreActResNet.Create(_tiny);
        model.parameters().Sum(parameter => parameter.numel()).Should().Be(77_562);
        using var tap = FeatureTap.Attach(model, "conv1", "layer1", "layer2", "layer3", "layer*.0.relu?", "layer1.0.bn1", "relu");
        using var tapped = tap.Forward(full([2, 1, 28, 28], 0.5f));
        tapped.Output.shape.Should().Equal(2, 10);
        tapped.Features["layer1"].shape.Should().Equal(2, 16, 28, 28);
        tapped.Features["layer3"].shape.Should().Equal(2, 64, 7, 7);
        foreach (var layer in tapped.Features.Layers.Where(layer => layer.Contains("relu", StringComparison.Ordinal)))
            tapped.Features[layer].min().ToSingle().Should().Be(0, layer);
        tapped.Features["layer1.0.bn1"].min().ToSingle().Should().BeLessThan(0);
    }

    [Fact]
    public void Forward_FirstStrideTwo_HalvesEveryMap()
    {
        using var model = PreActResNet.Create(_tiny with { FirstStride = 2 });
        using var input = zeros(1, 1, 28, 28);
        using var tap = FeatureTap.Attach(model, "layer1", "layer3");
        using var tapped = tap.Forward(input);
        tapped.Features["layer1"].shape.Should().Equal(1, 16, 14, 14);
        tapped.Features["layer3"].shape.Should().Equal(1, 64, 4, 4);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Forward_Repeated_LeavesOnlyTheOutput(bool training)
    {
        using var model = PreActResNet.Create(_tiny);
        model.train(training);
        using var input = zeros(2, 1, 28, 28);
        model.call(input).Dispose();
        DisposeScopeManager.Statistics.Reset();
        for (var i = 0; i < 3; i++)
        {
            using var logits = model.call(input);
            DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount.Should().Be(1);
        }
        DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount.Should().Be(0);
    }

    [Fact]
    public void Create_InsideAScope_OutlivesIt()
    {
        PreActResNet model;
        using (NewDisposeScope()) model = PreActResNet.Create(_tiny);
        using (model)
        {
            using var input = zeros(2, 1, 28, 28);
            using var logits = model.call(input);
            logits.shape.Should().Equal(2, 10);
        }
    }

    [Fact]
    public void Create_SameSeed_SameWeightsAndUntouchedGlobalGenerator()
    {
        using var scope = NewDisposeScope();
        var before = random.get_rng_state();
        using var first = PreActResNet.Create(_tiny);
        using var again = PreActResNet.Create(_tiny);
        using var other = PreActResNet.Create(_tiny with { Seed = 4 });
        var after = random.get_rng_state();
        after.data<byte>().ToArray().Should().Equal(before.data<byte>().ToArray());
        Values(first).Should().Equal(Values(again));
        Values(first).Should().NotEqual(Values(other));
    }

    [Fact]
    public void Create_Seed_FillsTheDefaultRangeEvenly()
    {
        using var scope = NewDisposeScope();
        using var model = PreActResNet.Create18(seed: 1);
        foreach (var (name, fanIn) in new[] { ("conv1.weight", 27.0), ("layer4.1.conv2.weight", 4608), ("layer2.0.shortcut.0.weight", 64), ("linear.weight", 512) })
        {
            var weight = model.state_dict()[name].detach() * Math.Sqrt(fanIn);
            weight.abs().max().ToDouble().Should().BeInRange(0.99, 1.0001, name);
            weight.mean().ToDouble().Should().BeApproximately(0, 0.05, name);
            weight.std().ToDouble().Should().BeApproximately(1 / Math.Sqrt(3), 0.02, name);
        }
        model.parameters().Should().OnlyContain(parameter => parameter.requires_grad && parameter.is_leaf);
    }

    [Fact]
    public void Create_BadOptions_NamesTheOption()
    {
        Creating(_tiny with { Classes = 0 }).Should().Throw<ArgumentOutOfRangeException>().WithMessage("*Classes must be at least 1*");
        Creating(_tiny with { InputChannels = 0 }).Should().Throw<ArgumentOutOfRangeException>().WithMessage("*InputChannels*");
        Creating(_tiny with { BlocksPerStage = 0 }).Should().Throw<ArgumentOutOfRangeException>().WithMessage("*BlocksPerStage*");
        Creating(_tiny with { FirstStride = 0 }).Should().Throw<ArgumentOutOfRangeException>().WithMessage("*FirstStride*");
        Creating(_tiny with { Widths = [] }).Should().Throw<ArgumentException>().WithMessage("*Widths is empty*");
        Creating(_tiny with { Widths = [16, 0] }).Should().Throw<ArgumentOutOfRangeException>().WithMessage("*Widths*");
    }

    [Fact]
    public void Forward_WrongChannels_SaysWhatItTakes()
    {
        using var model = PreActResNet.Create(_tiny);
        using var input = zeros(2, 3, 28, 28);
        var call = () => model.call(input);
        call.Should().Throw<ArgumentException>().WithMessage("*[2,3,28,28]*[N,1,H,W]*");
    }

    private static Func<PreActResNet> Creating(PreActResNetOptions options) => () => PreActResNet.Create(options);

    private static float[] Values(PreActResNet model) => [.. model.parameters().SelectMany(parameter => parameter.detach().data<float>().ToArray())];
}
