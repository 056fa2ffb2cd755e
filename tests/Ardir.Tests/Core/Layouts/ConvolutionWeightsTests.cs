using Ardir.Core;
using TorchSharp.Modules;

namespace Ardir.Tests;

/// <summary>The copy that stands in for the weight of a convolution never outlives a change of that weight.</summary>
public sealed class ConvolutionWeightsTests
{
    [Fact]
    public void Scope_WeightReplacedWithinAnother_IsKept()
    {
        using var convolution = nn.Conv2d(3, 4, 3);
        var other = new Parameter(TinyModels.Random([4, 3, 3, 3], 5, ScalarType.Float32));
        using var scope = NewDisposeScope();
        var images = TinyModels.Random([2, 3, 6, 6], 6, ScalarType.Float32);
        using (new ChannelsLastScope(convolution))
        {
            convolution.weight = other;
            var expected = nn.functional.conv2d(images, other, convolution.bias);
            using (new ChannelsLastScope(convolution)) TensorAssert.Close(convolution.call(images), expected, 1e-5);
            TensorAssert.Close(convolution.call(images), expected, 1e-5);
        }
        convolution.weight.Should().BeSameAs(other);
        convolution.parameters().First().Should().BeSameAs(other);
    }
}
