using Ardir.Core;

namespace Ardir.Tests.Core.Models;

/// <summary>What every network must be: published sizes, published forward pass, safe to build, call and release.</summary>
public sealed class ArchitectureTests
{
    private static readonly double[] _mean = [0.4914, 0.4822, 0.4465], _std = [0.2471, 0.2435, 0.2616];

    public static TheoryData<string, int, long, int> Sizes => new()
    {
        { "preact A", 10, 11_172_170, 107 }, { "preact A", 100, 11_218_340, 107 }, { "preact C", 10, 11_172_170, 107 },
        { "preact B", 10, 11_171_146, 102 }, { "preact D", 100, 11_217_316, 102 },
        { "preact E", 10, 12_548_426, 107 }, { "preact E", 100, 12_594_596, 107 },
        { "resnet", 10, 11_173_962, 122 }, { "resnet", 100, 11_220_132, 122 },
        { "wrn 28-10", 10, 36_479_194, 155 }, { "wrn 28-10", 100, 36_536_884, 155 }, { "wrn 34-10", 10, 46_160_474, 191 }, { "wrn 34-10", 100, 46_218_164, 191 },
        { "dm wrn 28-10", 10, 36_479_194, 155 },
        { "mobilenet", 10, 2_296_922, 344 },
        { "small", 10, 162_710, 8 },
    };

    [Theory, MemberData(nameof(Sizes))]
    public void Create_PublishedShape_HasThePublishedSize(string name, int classes, long parameters, int entries)
    {
        using var model = Make(name, classes);
        model.parameters().Sum(parameter => parameter.numel()).Should().Be(parameters);
        model.state_dict().Should().HaveCount(entries);
    }

    [Theory]
    [InlineData("preact A"), InlineData("preact B"), InlineData("preact C"), InlineData("preact D"), InlineData("preact E"), InlineData("preact E relu")]
    [InlineData("resnet"), InlineData("mobilenet"), InlineData("dm wrn 16-1"), InlineData("dm wrn 16-2 relu"), InlineData("small")]
    public void Forward_WeightsByFormula_EqualsThePublishedFormula(string name)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var model = Make(name);
        model.to(ScalarType.Float64);
        FormulaWeights.Set(model);
        model.eval();
        var input = name == "small" ? FormulaWeights.Input(1, 28, 28) : FormulaWeights.Input(3, 16, 24);
        var reference = new ReferenceNetworks(model.state_dict());
        var expected = name switch
        {
            "preact A" => reference.PreAct(input, [1, 2, 2, 2], finalNorm: true, rawShortcut: false),
            "preact B" => reference.PreAct(input, [1, 2, 2, 2], finalNorm: false, rawShortcut: false),
            "preact C" => reference.PreAct(input, [1, 2, 2, 2], finalNorm: true, rawShortcut: true),
            "preact D" => reference.PreAct(input, [1, 2, 2, 2], finalNorm: false, rawShortcut: true),
            "preact E" => reference.DeepMindPreAct(input, swish: true, _mean, _std),
            "preact E relu" => reference.DeepMindPreAct(input, swish: false, _mean, _std),
            "resnet" => reference.ResNet18(input),
            "mobilenet" => reference.MobileNet(input),
            "dm wrn 16-1" => reference.DeepMindWide(input, 2, swish: true, _mean, _std),
            "dm wrn 16-2 relu" => reference.DeepMindWide(input, 2, swish: false, _mean, _std),
            _ => reference.Small(input),
        };
        var actual = model.call(input);
        actual.shape.Should().Equal(2, 10);
        TensorAssert.Close(actual, expected, 1e-9 * expected.abs().max().ToDouble());
        model.Dispose();
    }

    [Fact]
    public void Forward_SameWeightsInEachVariant_GiveFourDifferentAnswers()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var input = FormulaWeights.Input(3, 16, 16);
        var answers = new[] { "preact A", "preact B", "preact C", "preact D" }.Select(name =>
        {
            using var model = Make(name);
            model.to(ScalarType.Float64);
            FormulaWeights.Set(model);
            model.eval();
            return model.call(input)[0, 0].ToDouble();
        }).ToList();
        answers.Should().OnlyHaveUniqueItems();
    }

    [Theory]
    [InlineData("preact E", "layer_0,layer_1,layer_2,layer_3", "64x32x32,128x16x16,256x8x8,512x4x4")]
    [InlineData("resnet", "layer1,layer2,layer3,layer4", "64x32x32,128x16x16,256x8x8,512x4x4")]
    [InlineData("wrn 10-2", "block1,block2,block3", "32x32x32,64x16x16,128x8x8")]
    [InlineData("dm wrn 10-2 relu", "layer.0,layer.1,layer.2", "32x32x32,64x16x16,128x8x8")]
    [InlineData("mobilenet", "layers.2,layers.5,layers.12,layers.16", "24x32x32,32x16x16,96x8x8,320x4x4")]
    public void Tap_Stages_HaveThePublishedShapes(string name, string layers, string shapes)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var model = Make(name);
        using var tap = FeatureTap.Attach(model, layers.Split(','));
        using var tapped = tap.Forward(zeros(1, 3, 32, 32));
        layers.Split(',').Select(layer => string.Join('x', tapped.Features[layer].shape[1..])).Should().Equal(shapes.Split(','));
    }

    [Fact]
    public void Tap_SmallCnn_SeesMapsAndHiddenUnits()
    {
        using var scope = NewDisposeScope();
        using var model = SmallCnn.Create(new SmallCnnOptions { InputChannels = 3, Height = 15, Width = 9, Classes = 7, Seed = 1 });
        using var tap = FeatureTap.Attach(model, "features", "features.4", "classifier.1");
        using var tapped = tap.Forward(zeros(2, 3, 15, 9));
        tapped.Features["features"].shape.Should().Equal(2, 32, 3, 2);
        tapped.Features["features.4"].shape.Should().Equal(2, 32, 7, 4);
        tapped.Features["classifier.1"].shape.Should().Equal(2, 100);
        tapped.Output.shape.Should().Equal(2, 7);
    }

    [Theory]
    [InlineData("preact D"), InlineData("preact E"), InlineData("resnet"), InlineData("wrn 10-1"), InlineData("wrn drop"), InlineData("dm wrn 10-1"), InlineData("mobilenet"), InlineData("small")]
    public void Forward_InBothModes_LeavesOnlyTheOutput(string name)
    {
        using var model = Make(name);
        using var input = name == "small" ? zeros(2, 1, 28, 28) : zeros(2, 3, 16, 16);
        foreach (var training in new[] { false, true })
        {
            model.train(training);
            LeakAssert.None(() => model.call(input).Dispose(), runs: 2);
        }
    }

    [Theory]
    [InlineData("preact D"), InlineData("preact E"), InlineData("resnet"), InlineData("wrn 10-1"), InlineData("dm wrn 10-1"), InlineData("mobilenet"), InlineData("small")]
    public void Create_InsideAScope_OutlivesItAndLearns(string name)
    {
        nn.Module<Tensor, Tensor> model;
        using (NewDisposeScope()) model = Make(name);
        using var scope = NewDisposeScope();
        var input = name == "small" ? zeros(2, 1, 28, 28) : zeros(2, 3, 8, 8);
        nn.functional.cross_entropy(model.call(input), tensor([1L, 2L])).backward();
        model.named_parameters().Where(pair => pair.parameter.grad is null).Select(pair => pair.name).Should().BeEmpty("every parameter takes part");
        model.Dispose();
    }

    private static nn.Module<Tensor, Tensor> Make(string name, int classes = 10) => name switch
    {
        "preact A" => PreActResNet.Create18(classes),
        "preact B" => PreActResNet.Create18(classes, variant: PreActResNetVariant.Kuangliu),
        "preact C" => PreActResNet.Create18(classes, variant: PreActResNetVariant.FastAdversarial),
        "preact D" => PreActResNet.Create18(classes, variant: PreActResNetVariant.Wong),
        "preact E" => DeepMindPreActResNet.Create(new DeepMindPreActResNetOptions { Classes = classes }),
        "preact E relu" => DeepMindPreActResNet.Create(new DeepMindPreActResNetOptions { Classes = classes, Activation = ModelActivation.Relu }),
        "resnet" => ResNet.Create18(classes),
        "mobilenet" => MobileNetV2.Create(classes),
        "small" => SmallCnn.Create(new SmallCnnOptions { Classes = classes }),
        "wrn drop" => WideResNet.Create(new WideResNetOptions { Depth = 10, Widen = 1, Dropout = 0.3 }),
        _ when name.StartsWith("wrn ", StringComparison.Ordinal) => WideResNet.Create(Number(name, 1, 0), Number(name, 1, 1), classes),
        _ => DeepMindWideResNet.Create(new DeepMindWideResNetOptions
        {
            Depth = Number(name, 2, 0), Widen = Number(name, 2, 1), Classes = classes,
            Activation = name.EndsWith("relu", StringComparison.Ordinal) ? ModelActivation.Relu : ModelActivation.Swish,
        }),
    };

    private static int Number(string name, int word, int part) => int.Parse(name.Split(' ')[word].Split('-')[part]);
}
