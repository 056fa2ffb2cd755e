using Ardir.Core;
using TorchSharp.Modules;

namespace Ardir.Tests;

public sealed class FeatureTapTests
{
    [Fact]
    public void Forward_SequentialThatDisposesItsIntermediates_EqualsAManualForward()
    {
        using var scope = NewDisposeScope();
        using var model = TapModels.Nested();
        var images = TinyModels.Images(3, ScalarType.Float64);
        var (stem, layer1, layer2) = Manual(model, images);
        using var tap = FeatureTap.Attach(model, "stem", "layer1", "layer2.conv1");
        var tapped = tap.Forward(images);
        TensorAssert.Same(tapped.Features["stem"], stem);
        TensorAssert.Same(tapped.Features["layer1"], layer1);
        TensorAssert.Same(tapped.Features[2], layer2);
        TensorAssert.Same(tapped.Output, model.call(images));
        tapped.Features.Layers.Should().Equal(tap.Layers).And.Equal("stem", "layer1", "layer2.conv1");
        tapped.Features.Count.Should().Be(3);
    }

    [Fact]
    public void Forward_InPlaceReluAfterTheLayer_KeepsTheValuesBeforeItAndTheGradient()
    {
        using var scope = NewDisposeScope();
        using var model = TapModels.Nested();
        var images = TinyModels.Images(3, ScalarType.Float64);
        using var tap = FeatureTap.Attach(model, "layer2.conv1");
        var map = tap.Forward(images).Features[0];
        map.min().ToDouble().Should().BeNegative();
        TensorAssert.Same(map, Manual(model, images).Layer2);
        var found = GradientCheck.Analytic(x => tap.Forward(x).Features[0].square().sum(), images);
        TensorAssert.Close(found, GradientCheck.Analytic(x => Manual(model, x).Layer2.square().sum(), images), 1e-12);
    }

    [Fact]
    public void Forward_LossOnFeaturesAndOutput_GivesTheGradientsOfTheUntappedModel()
    {
        using var scope = NewDisposeScope();
        using var model = TapModels.Nested();
        var images = TinyModels.Images(3, ScalarType.Float64);
        using var tap = FeatureTap.Attach(model, "stem", "layer1");

        model.zero_grad();
        var tapped = tap.Forward(images);
        (tapped.Features[0].square().sum() + tapped.Features[1].sum() + tapped.Output.exp().sum()).backward();
        var found = model.parameters().Select(parameter => parameter.grad!.clone()).ToArray();

        model.zero_grad();
        var (stem, layer1, _) = Manual(model, images);
        (stem.square().sum() + layer1.sum() + model.call(images).exp().sum()).backward();
        foreach (var (actual, parameter) in found.Zip(model.parameters())) TensorAssert.Close(actual, parameter.grad!, 1e-10);
    }

    [Fact]
    public void Attach_Wildcards_MatchInDefinitionOrder()
    {
        using var model = TapModels.Nested();
        string[] Layers(params string[] patterns)
        {
            using var tap = FeatureTap.Attach(model, patterns);
            return [.. tap.Layers];
        }

        Layers("layer*").Should().Equal("layer1", "layer2", "layer10");
        Layers("layer?").Should().Equal("layer1", "layer2");
        Layers("layer?.conv1").Should().Equal("layer1.conv1", "layer2.conv1");
        Layers("*.conv*").Should().Equal("layer1.conv1", "layer1.conv2", "layer2.conv1");
        Layers("**conv*").Should().Equal("layer1.conv1", "layer1.conv2", "layer2.conv1");
        Layers("**.relu").Should().Equal("layer1.relu", "layer2.relu");
        Layers("fc", "stem").Should().Equal("fc", "stem");
        Layers("layer2", "layer*", "layer2").Should().Equal("layer2", "layer1", "layer10");
        Layers("**").Should().Equal(FeatureTap.ListLayers(model));
    }

    [Fact]
    public void Attach_DoubleStarInTheMiddle_MatchesAnyNumberOfParts()
    {
        var pattern = new LayerPattern("encoder.**.conv");
        pattern.Matches("encoder.a.conv").Should().BeTrue();
        pattern.Matches("encoder.a.b.conv").Should().BeTrue();
        pattern.Matches("encoder.conv").Should().BeTrue("any number of parts includes none");
        pattern.Matches("encoderconv").Should().BeFalse();
        new LayerPattern("**.conv").Matches("conv").Should().BeTrue();
        new LayerPattern("**.conv").Matches("deconv").Should().BeFalse();
    }

    [Fact]
    public void Attach_MissingLayer_ListsWhatThereIs()
    {
        using var model = TapModels.Nested();
        var act = () => FeatureTap.Attach(model, "layer1", "layer7");
        act.Should().Throw<ArgumentException>().WithMessage("*'layer7'*stem*layer1.conv1*layer10*fc*");
        var dot = () => FeatureTap.Attach(model, "layer1xconv1");
        dot.Should().Throw<ArgumentException>();
        var empty = () => FeatureTap.Attach(model, " ");
        empty.Should().Throw<ArgumentException>().WithMessage("*empty*");
        var none = () => FeatureTap.Attach(null!, "layer1");
        none.Should().Throw<ArgumentNullException>().WithParameterName("model");
    }

    [Fact]
    public void ListLayers_NestedModel_PrintsEveryPathWithItsKind()
    {
        using var model = TapModels.Nested();
        var layers = FeatureTap.ListLayers(model);
        layers.Should().Equal(
            "stem", "layer1", "layer1.conv1", "layer1.relu", "layer1.conv2", "layer2", "layer2.conv1", "layer2.relu", "layer10", "fc");
        layers.ToString().Should().Contain("10 layers can be tapped").And.MatchRegex("layer1.conv1 +Conv2d").And.MatchRegex("fc +Linear");
    }

    [Fact]
    public void Forward_LayerThatNeverFires_IsNamed()
    {
        using var scope = NewDisposeScope();
        using var model = new ExoticModel();
        foreach (var layer in new[] { "unused", "silent" })
        {
            using var tap = FeatureTap.Attach(model, "add", layer);
            var act = () => tap.Forward(rand(2, 3));
            act.Should().Throw<InvalidOperationException>().WithMessage($"*'{layer}' did not run*forward()*call()*");
            TapModels.Hooks(model).Should().Be(0);
        }
    }

    [Fact]
    public void Forward_LayerThatFiresTwice_IsNamed()
    {
        using var scope = NewDisposeScope();
        using var model = new ExoticModel();
        using var tap = FeatureTap.Attach(model, "shared");
        var act = () => tap.Forward(rand(2, 3));
        act.Should().Throw<InvalidOperationException>().WithMessage("*'shared' ran 2 times*");
    }

    [Fact]
    public void Forward_ModuleSharedUnderTwoNames_IsRefused()
    {
        using var scope = NewDisposeScope();
        var shared = nn.Softplus();
        using var model = nn.Sequential(("first", shared), ("second", shared));
        using var tap = FeatureTap.Attach(model, "first");
        var act = () => tap.Forward(rand(2, 3));
        act.Should().Throw<InvalidOperationException>().WithMessage("*'first' ran 2 times*");
    }

    [Fact]
    public void Forward_AnyArityAndTuples_PicksTheNamedElement()
    {
        using var scope = NewDisposeScope();
        using var model = new ExoticModel();
        var x = rand([2, 3], ScalarType.Float64);
        using var tap = FeatureTap.Attach(model, "add", "pair", "pair[1]", "triple", "triple[1]", "triple[2]");
        var features = tap.Forward(x).Features;
        double[] factors = [3, 9, 15, 105, 165, 195];
        features.Layers.Should().Equal("add", "pair", "pair[1]", "triple", "triple[1]", "triple[2]");
        for (var i = 0; i < factors.Length; i++) TensorAssert.Close(features[i], x * factors[i], 1e-12);
        using var outside = FeatureTap.Attach(model, "pair[2]");
        var act = () => outside.Forward(x);
        act.Should().Throw<InvalidOperationException>().WithMessage("*'pair[2]'*position 2*");
    }

    [Fact]
    public void Forward_SeveralTapsOnOneModel_DoNotDisturbEachOther()
    {
        using var scope = NewDisposeScope();
        using var model = TapModels.Nested();
        var images = TinyModels.Images(2, ScalarType.Float64);
        using var one = FeatureTap.Attach(model, "stem");
        using var two = FeatureTap.Attach(model, "stem", "fc");
        var (first, second) = (one.Forward(images), two.Forward(images));
        TensorAssert.Same(first.Features[0], second.Features["stem"]);
        TensorAssert.Same(second.Features["fc"], second.Output);
        first.Dispose();
        second.Features["stem"].IsInvalid.Should().BeFalse();
    }

    [Fact]
    public void Forward_WhenALayerCannotBeHooked_RemovesTheHooksBeforeIt()
    {
        using var scope = NewDisposeScope();
        using var model = TapModels.Nested();
        using var tap = FeatureTap.Attach(model, "layer1", "layer2");
        TapModels.BreakHooks(model.named_modules().Single(entry => entry.name == "layer2").module);
        FluentActions.Invoking(() => tap.Forward(TinyModels.Images(2, ScalarType.Float64))).Should().Throw<NullReferenceException>();
        TapModels.Hooks(model).Should().Be(0);
    }

    [Fact]
    public void Forward_DoneOrFailed_LeavesNoHook()
    {
        using var scope = NewDisposeScope();
        var fail = false;
        var hooksInside = 0;
        using var inner = TapModels.Nested();
        FuncModel? self = null;
        using var model = self = new FuncModel(
            x => { hooksInside = TapModels.Hooks(self!); return fail ? throw new InvalidDataException("on purpose") : inner.call(x); }, inner);
        using var tap = FeatureTap.Attach(model, "child.layer*");
        TapModels.Hooks(model).Should().Be(0, "an idle tap costs nothing");
        tap.Forward(TinyModels.Images(2, ScalarType.Float64));
        hooksInside.Should().Be(3);
        TapModels.Hooks(model).Should().Be(0);
        fail = true;
        var act = () => tap.Forward(TinyModels.Images(2, ScalarType.Float64));
        act.Should().Throw<InvalidDataException>();
        TapModels.Hooks(model).Should().Be(0);
    }

    private static (Tensor Stem, Tensor Layer1, Tensor Layer2) Manual(Sequential model, Tensor images)
    {
        nn.Module<Tensor, Tensor> Layer(string path) => (nn.Module<Tensor, Tensor>)model.named_modules().First(entry => entry.name == path).module;
        var stem = Layer("stem").call(images);
        var layer1 = Layer("layer1.conv2").call(Layer("layer1.conv1").call(stem).relu());
        return (stem, layer1, Layer("layer2.conv1").call(layer1));
    }
}
