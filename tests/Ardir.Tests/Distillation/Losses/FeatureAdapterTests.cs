using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>Adapters against their formula in plain loops, and what they say about maps that do not fit.</summary>
public sealed class FeatureAdapterTests
{
    [Theory]
    [InlineData(4, 4, 2, 2)]
    [InlineData(2, 3, 4, 7)]
    [InlineData(5, 2, 3, 6)]
    [InlineData(3, 3, 3, 3)]
    [InlineData(4, 4, 2, 4)]
    [InlineData(4, 4, 4, 2)]
    [InlineData(2, 4, 4, 4)]
    [InlineData(4, 2, 4, 4)]
    public void Adapt_Maps_AreConvolvedAndInterpolated(int height, int width, int newHeight, int newWidth)
    {
        using var scope = NewDisposeScope();
        var adapters = Double(FeatureAdapters.Create([[3, height, width]], [[2, newHeight, newWidth]], seed: 4));
        var map = TinyModels.Random([2, 3, height, width], 1, low: -1);
        var adapted = adapters.Adapt(LossData.Named(map));
        adapted.Layers.Should().Equal("layer1");
        adapted[0].shape.Should().Equal(2, 2, newHeight, newWidth);
        var (weight, bias) = (TensorAssert.Values(adapters.get_parameter("0.weight")!), TensorAssert.Values(adapters.get_parameter("0.bias")!));
        var expected = new List<double>();
        for (var n = 0; n < 2; n++)
        {
            var sample = LossReference.Sample(map, n);
            for (var c = 0; c < 2; c++)
            {
                var mixed = Enumerable.Range(0, height * width).Select(p => bias[c] + Enumerable.Range(0, 3).Sum(k => weight[c * 3 + k] * sample[k][p])).ToArray();
                for (var y = 0; y < newHeight; y++)
                    for (var x = 0; x < newWidth; x++) expected.Add(Bilinear(mixed, height, width, (y + 0.5) * height / newHeight - 0.5, (x + 0.5) * width / newWidth - 0.5));
            }
        }
        TensorAssert.Close(adapted[0], [.. expected], 1e-12);
    }

    [Fact]
    public void Adapt_Vectors_PassALinearLayer()
    {
        using var scope = NewDisposeScope();
        var adapters = Double(FeatureAdapters.Create([[3]], [[2]]));
        var map = TinyModels.Random([4, 3], 1);
        var expected = nn.functional.linear(map, adapters.get_parameter("0.weight")!, adapters.get_parameter("0.bias"));
        TensorAssert.Close(adapters.Adapt(LossData.Named(map))[0], expected.detach(), 1e-12);
    }

    [Fact]
    public void Adapt_Gradients_AgreeWithFiniteDifferencesInMapAndWeights()
    {
        using var scope = NewDisposeScope();
        var adapters = Double(FeatureAdapters.Create([[3, 4, 4], [2, 2, 2]], [[2, 2, 2], [3, 3, 3]]));
        var (first, second) = (TinyModels.Random([2, 3, 4, 4], 1, low: -1), TinyModels.Random([2, 2, 2, 2], 2, low: -1));
        var teacher = LossData.Named(TinyModels.Random([2, 2, 2, 2], 3, low: -1), TinyModels.Random([2, 3, 3, 3], 4, low: -1));
        var loss = new LpipsInternalLoss(new() { Adapters = adapters });
        Tensor Total(Tensor a, Tensor b) => loss.Distance(LossData.Named(a, b), teacher).sum();
        GradientCheck.Agrees(map => Total(map, second), first, 1e-7);
        GradientCheck.Agrees(map => Total(first, map), second, 1e-7);
        foreach (var (name, parameter) in adapters.named_parameters())
        {
            var values = parameter.detach().clone();
            adapters.zero_grad();
            Total(first, second).backward();
            TensorAssert.Close(parameter.grad!, GradientCheck.Numeric(
                at =>
                {
                    parameter.copy_(at);
                    return Total(first, second);
                },
                values), 1e-7);
            using var noGrad = no_grad();
            parameter.copy_(values);
            name.Should().MatchRegex("^[01]\\.(weight|bias)$");
        }
    }

    [Theory]
    [InlineData("LPIPS")]
    [InlineData("ARDIR")]
    [InlineData("FitNets")]
    public void Compute_StudentAndTeacherOfDifferentShapes_NeedAdapters(string name)
    {
        using var scope = NewDisposeScope();
        var inputs = LossData.All(2);
        var teacher = new TappedOutput(inputs.TeacherClean!.Output, LossData.Named(TinyModels.Random([2, 6, 2, 2], 3), TinyModels.Random([2, 5, 3, 3], 4)));
        inputs = inputs with { TeacherClean = teacher };
        IDistillationLoss Make(FeatureAdapters? adapters) => name switch
        {
            "LPIPS" => new LpipsInternalLoss(new() { Adapters = adapters }),
            "ARDIR" => new ArdirLoss(new() { Features = new() { Adapters = adapters } }),
            _ => new FitNetsLoss(new() { Adapters = adapters }),
        };
        Make(null).Invoking(loss => loss.Compute(inputs)).Should().Throw<ArgumentException>().WithMessage("*layer1*[2,3,4,4]*[2,6,2,2]*FeatureAdapters.Between*");
        Make(null).Trainable.Should().BeNull();

        var adapters = Double(FeatureAdapters.Create([[3, 4, 4], [4, 2, 2]], [[6, 2, 2], [5, 3, 3]]));
        var adapted = Make(adapters);
        adapted.Trainable.Should().BeSameAs(adapters);
        adapted.Compute(inputs).Total.backward();
        adapters.parameters().Should().OnlyContain(parameter => parameter.grad!.abs().sum().ToDouble() > 0);

        var wrong = Make(Double(FeatureAdapters.Create([[3, 4, 4], [4, 2, 2]], [[6, 2, 2], [5, 4, 3]])));
        wrong.Invoking(loss => loss.Compute(inputs)).Should().Throw<ArgumentException>().WithMessage("*layer2*[2,5,4,3] after its adapter*[2,5,3,3]*");
    }

    [Fact]
    public void Compute_Lpips_ComparesTheAdaptedMaps()
    {
        using var scope = NewDisposeScope();
        var adapters = Double(FeatureAdapters.Create([[3, 4, 4], [4, 2, 2]], [[6, 2, 2], [5, 3, 3]]));
        var student = LossData.Named(LossData.Maps(2, 1));
        var teacher = LossData.Named(TinyModels.Random([2, 6, 2, 2], 3), TinyModels.Random([2, 5, 3, 3], 4));
        var expected = LossReference.Lpips([.. adapters.Adapt(student)], [.. teacher], new());
        TensorAssert.Close(new LpipsInternalLoss(new() { Adapters = adapters }).Distance(student, teacher).detach(), expected, 1e-10);
    }

    [Fact]
    public void Between_TwoNetworks_MeasuresTheirShapes()
    {
        using var student = TrainingWorld.Network();
        using var teacher = PreActResNet.Create(new() { InputChannels = 1, Classes = 3, Widths = [6, 5, 4], BlocksPerStage = 1, Seed = 2 });
        student.to(ScalarType.Float64);
        student.eval();
        var before = TrainingWorld.State(teacher);
        using var adapters = FeatureAdapters.Between(student, teacher, [1, 8, 8], ["layer*"], ["layer1", "layer3"]);
        adapters.ToString().Should().Be("FeatureAdapters [4,8,8] to [6,8,8], [8,4,4] to [4,2,2]");
        adapters.parameters().Should().OnlyContain(parameter => parameter.dtype == ScalarType.Float64);
        (student.training, teacher.training).Should().Be((false, true));
        TrainingWorld.SameState(TrainingWorld.State(teacher), before);
        using var preact = PreActResNet.Create(new() { Widths = [2, 3, 4, 5], BlocksPerStage = 1 });
        using var wide = WideResNet.Create(depth: 10, widen: 1, classes: 10);
        using var four = FeatureAdapters.Between(preact, wide, [3, 32, 32], ["layer*"], ["block*", "bn1"]);
        four.ToString().Should().Be("FeatureAdapters [2,32,32] to [16,32,32], [3,16,16] to [32,16,16], [4,8,8] to [64,8,8], [5,4,4] to [64,8,8]");
        LeakAssert.None(() => FeatureAdapters.Between(student, teacher, [1, 8, 8], ["layer1"]).Dispose());
    }

    [Fact]
    public void Create_Seed_DecidesTheWeightsWithinPyTorchsBounds()
    {
        using var a = FeatureAdapters.Create([[16, 2, 2], [4]], [[8, 1, 1], [9]], seed: 1);
        using var again = FeatureAdapters.Create([[16, 2, 2], [4]], [[8, 1, 1], [9]], seed: 1);
        using var other = FeatureAdapters.Create([[16, 2, 2], [4]], [[8, 1, 1], [9]], seed: 2);
        TrainingWorld.SameState(TrainingWorld.State(again), TrainingWorld.State(a));
        TrainingWorld.State(other)["0.weight"].Should().NotEqual(TrainingWorld.State(a)["0.weight"]);
        TrainingWorld.State(a)["0.weight"].Max(Math.Abs).Should().BeInRange(0.2, 0.25);
        TrainingWorld.State(a)["1.weight"].Max(Math.Abs).Should().BeInRange(0.4, 0.5);
        TrainingWorld.State(a).Keys.Should().Equal("0.weight", "0.bias", "1.weight", "1.bias");
    }

    [Fact]
    public void Create_ShapesThatDoNotFit_SaysWhich()
    {
        void Refused(long[][] student, long[][] teacher, string message) =>
            FluentActions.Invoking(() => FeatureAdapters.Create(student, teacher)).Should().Throw<ArgumentException>().WithMessage($"*{message}*");
        Refused([], [], "0 shapes");
        Refused([[1]], [[1], [2]], "1 shapes of the student and 2 of the teacher");
        Refused([[1, 2, 2]], [[1]], "[1,2,2] in the student and [1] in the teacher");
        Refused([[1, 2]], [[1, 2]], "[C,H,W]");
        Refused([[0, 2, 2]], [[1, 2, 2]], "[0,2,2]");
        using var network = TrainingWorld.Network();
        FluentActions.Invoking(() => FeatureAdapters.Between(network, network, [8, 8], ["layer1"])).Should().Throw<ArgumentException>().WithMessage("*imageShape is [8,8]*");
        FluentActions.Invoking(() => FeatureAdapters.Between(network, network, [1, 8, 8], ["nothing"])).Should().Throw<ArgumentException>().WithMessage("*nothing*");
    }

    [Fact]
    public void Adapt_MapsThatDoNotFit_SaysWhich()
    {
        using var scope = NewDisposeScope();
        var adapters = FeatureAdapters.Create([[3, 4, 4]], [[2, 2, 2]]);
        FluentActions.Invoking(() => adapters.Adapt(LossData.Named(LossData.Maps(2, 1)))).Should().Throw<ArgumentException>().WithMessage("*1 adapters for 2*layer1, layer2*");
        FluentActions.Invoking(() => adapters.Adapt(LossData.Named(TinyModels.Random([2, 3, 4, 5], 1)))).Should().Throw<ArgumentException>().WithMessage("*layer1*[2,3,4,5]*[N,3,4,4]*");
        FluentActions.Invoking(() => adapters.Adapt(LossData.Named(ones(2, 3, 4, 4, dtype: ScalarType.Int64)))).Should().Throw<ArgumentException>().WithMessage("*Int64*");
    }

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.BFloat16)]
    [InlineData(ScalarType.Float64)]
    public void Adapt_AnyDtype_ComputesInTheAdapters(ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        var adapters = FeatureAdapters.Create([[3, 4, 4]], [[2, 2, 2]]);
        var map = TinyModels.Random([2, 3, 4, 4], 1, dtype);
        TensorAssert.Same(adapters.Adapt(LossData.Named(map))[0], adapters.Adapt(LossData.Named(map.to(ScalarType.Float32)))[0]);
    }

    private static FeatureAdapters Double(FeatureAdapters adapters)
    {
        adapters.to(ScalarType.Float64);
        return adapters;
    }

    private static double Bilinear(double[] map, int height, int width, double y, double x)
    {
        double At(int row, int column) => map[Math.Clamp(row, 0, height - 1) * width + Math.Clamp(column, 0, width - 1)];
        // Half a pixel outside the first counts as on it, as in PyTorch.
        (y, x) = (Math.Max(y, 0), Math.Max(x, 0));
        var (top, left) = ((int)Math.Floor(y), (int)Math.Floor(x));
        var (v, u) = (y - top, x - left);
        return (1 - v) * ((1 - u) * At(top, left) + u * At(top, left + 1)) + v * ((1 - u) * At(top + 1, left) + u * At(top + 1, left + 1));
    }
}
