using System.Text.Json;
using Ardir.Core;

namespace Ardir.Tests.Core.Models;

/// <summary>Logits and stages of two networks as PyTorch computes them, in float64.</summary>
public sealed class ArchitectureGoldenTests
{
    // Absolute, also where logits reach 200,000: in float64 that leaves room for rounding in another order and for nothing else.
    private const double Tolerance = 1e-8;

    public static TheoryData<string, string[]> Networks => new()
    {
        { "PreActResNet-18 variant A", ["layer1", "layer2", "layer3", "layer4"] },
        { "WideResNet-16-2", ["block1", "block2", "block3"] },
    };

    [Theory, MemberData(nameof(Networks))]
    public void Forward_WeightsByFormula_GivesTheReferenceLogitsAndStages(string name, string[] stages)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var expected = GoldenFile.Load("architectures").At("models").GetProperty(name);
        nn.Module<Tensor, Tensor> model = name.StartsWith("Wide", StringComparison.Ordinal) ? WideResNet.Create(16, 2) : PreActResNet.Create18();
        model.parameters().Sum(parameter => parameter.numel()).Should().Be(expected.GetProperty("parameters").GetInt64());
        model.state_dict().Should().HaveCount(expected.GetProperty("state_entries").GetInt32());
        model.to(ScalarType.Float64);
        FormulaWeights.Set(model);
        model.eval();
        using var tap = FeatureTap.Attach(model, stages);
        using var tapped = tap.Forward(FormulaWeights.Input());
        Close(tapped.Output.data<double>().ToArray(), Numbers(expected.GetProperty("logits").GetProperty("data")));
        for (var i = 0; i < stages.Length; i++)
        {
            var map = tapped.Features[i];
            map.shape.Should().Equal(Numbers(expected.GetProperty("stage_shape")[i]).Select(size => (long)size));
            map.mean().ToDouble().Should().BeApproximately(Numbers(expected.GetProperty("stage_mean"))[i], Tolerance);
            map.std().ToDouble().Should().BeApproximately(Numbers(expected.GetProperty("stage_std"))[i], Tolerance);
        }
        model.Dispose();
    }

    private static double[] Numbers(JsonElement array) => [.. array.EnumerateArray().Select(number => number.GetDouble())];

    private static void Close(double[] actual, double[] expected)
    {
        actual.Should().HaveSameCount(expected);
        for (var i = 0; i < actual.Length; i++) actual[i].Should().BeApproximately(expected[i], Tolerance);
    }
}
