using Ardir.Core;
using TorchSharp.Modules;

namespace Ardir.Tests;

/// <summary>Layers that are called together give the same bits as one after the other, and hooks see what they would see.</summary>
public sealed class FusedLayersTests
{
    private static readonly Dictionary<string, (Func<nn.Module<Tensor, Tensor>> Make, long[] Shape)> _networks = new()
    {
        ["PreActResNet"] = (() => TrainingWorld.Network(), [3, 1, 8, 8]),
        ["ResNet"] = (() => ResNet.Create(new ResNetOptions { Widths = [4, 4, 8, 8], Blocks = [1, 2, 1, 1], Seed = 1 }), [2, 3, 16, 16]),
        ["WideResNet"] = (() => WideResNet.Create(new WideResNetOptions { Depth = 10, Widen = 1, Seed = 1, Dropout = 0.3 }), [2, 3, 16, 16]),
        ["MobileNetV2"] = (() => MobileNetV2.Create(seed: 1), [2, 3, 32, 32]),
        ["DeepMind, ReLU"] = (() => DeepMindWideResNet.Create(new DeepMindWideResNetOptions { Depth = 10, Widen = 1, Seed = 1, Activation = ModelActivation.Relu }), [2, 3, 32, 32]),
        ["DeepMind, Swish"] = (() => DeepMindPreActResNet.Create(new DeepMindPreActResNetOptions { Widths = [4, 8], Blocks = [1, 1], Seed = 1 }), [2, 3, 32, 32]),
    };

    public static TheoryData<string> Networks => [.. _networks.Keys];

    [Theory, MemberData(nameof(Networks))]
    public void Pass_InPlaceAndNot_SameBitsOfLogitsAndAllGradients(string name)
    {
        using var scope = NewDisposeScope();
        var (make, shape) = _networks[name];
        foreach (var training in new[] { true, false })
        {
            using var fused = make();
            using var separate = make();
            // A hook that does nothing makes the layers be called one after the other.
            foreach (var module in separate.modules().OfType<nn.Module<Tensor, Tensor>>()) module.register_forward_hook((_, _, _) => null!);
            fused.train(training);
            separate.train(training);
            var images = TinyModels.Random(shape, 3, ScalarType.Float32);
            var all = Pass(fused, images).Zip(Pass(separate, images)).ToList();
            all.Should().HaveCountGreaterThan(10);
            foreach (var (first, second) in all) TensorAssert.Same(first, second);
            foreach (var (first, second) in fused.buffers().Zip(separate.buffers())) TensorAssert.Same(first, second);
        }
    }

    [Theory, InlineData("layer1.0.bn1"), InlineData("layer1.0.relu1"), InlineData("layer1.0.bn2"), InlineData("layer1.0.conv2"), InlineData("bn")]
    public void Tap_OfALayerThatIsOverwrittenOtherwise_KeepsItsOwnOutput(string layer)
    {
        using var scope = NewDisposeScope();
        using var model = TrainingWorld.Network();
        model.eval();
        var images = TinyModels.Random([3, 1, 8, 8], 3, ScalarType.Float32);
        var (expected, seen) = (new List<Tensor>(), new List<Tensor>());
        var tapped = (nn.Module<Tensor, Tensor>)model.named_modules().Single(entry => entry.name == layer).module;
        tapped.register_forward_hook((_, _, output) => { expected.Add(output.clone()); seen.Add(output.alias()); return null!; });
        model.call(images);
        TensorAssert.Same(seen.Single(), expected.Single());
    }

    [Fact]
    public void NormRelu_InputAndGradient_AreThoseOfBothLayers()
    {
        using var scope = NewDisposeScope();
        using var norm = nn.BatchNorm2d(3, dtype: ScalarType.Float64);
        using var relu = nn.ReLU();
        var images = TinyModels.Random([2, 3, 4, 4], 1, low: -1);
        var (first, second) = (images.clone().requires_grad_(), images.clone().requires_grad_());
        FusedLayers.NormRelu(norm, relu, first).pow(2).sum().backward();
        relu.call(norm.call(second)).pow(2).sum().backward();
        TensorAssert.Same(first, second);
        TensorAssert.Same(first.grad!, second.grad!);
        FluentActions.Invoking(() => FusedLayers.NormRelu(null!, relu, images)).Should().Throw<ArgumentNullException>();
        FluentActions.Invoking(() => FusedLayers.NormRelu(norm, null!, images)).Should().Throw<ArgumentNullException>();
        FluentActions.Invoking(() => FusedLayers.ConvolutionNormRelu(null!, norm, relu, images)).Should().Throw<ArgumentNullException>();
    }

    private static List<Tensor> Pass(nn.Module<Tensor, Tensor> model, Tensor images)
    {
        manual_seed(7);
        var x = images.detach().clone().requires_grad_();
        var logits = model.call(x);
        (logits * logits).sum().backward();
        return [logits.detach(), x.grad!, .. model.parameters().Select(parameter => parameter.grad!)];
    }
}
