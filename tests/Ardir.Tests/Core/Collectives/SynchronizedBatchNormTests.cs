using Ardir.Core;
using TorchSharp.Modules;

namespace Ardir.Tests;

/// <summary>Batch norm over several ranks equals TorchSharp's own over one batch: values, gradients, running statistics.</summary>
public sealed class SynchronizedBatchNormTests
{
    private const double Tolerance = 1e-12;

    /// <summary>Samples of each rank, the shape of one sample, and how the layer is made.</summary>
    public static TheoryData<string, int[], long[], Func<BatchNorm>> Layers => new()
    {
        { "2d", [3, 4], [2, 3, 5], () => nn.BatchNorm2d(2) },
        { "2d, three ranks, one sample", [1, 4, 2], [3, 2, 2], () => nn.BatchNorm2d(3, momentum: 0.3, eps: 1e-3) },
        { "1d", [2, 3], [4], () => nn.BatchNorm1d(4) },
        { "1d with length", [2, 2], [3, 6], () => nn.BatchNorm1d(3) },
        { "3d", [1, 1], [2, 2, 3, 2], () => nn.BatchNorm3d(2) },
        { "without parameters", [2, 3], [2, 3, 3], () => nn.BatchNorm2d(2, affine: false) },
        { "without running statistics", [2, 3], [2, 3, 3], () => nn.BatchNorm2d(2, track_running_stats: false) },
        { "mean over all batches", [2, 3], [2, 3, 3], MeanOverAll },
    };

    [Theory, MemberData(nameof(Layers))]
    public void Call_InTrainMode_EqualsOneBatchInValuesGradientsAndStatistics(string name, int[] counts, long[] shape, Func<BatchNorm> make)
    {
        var total = counts.Sum();
        using var x = TinyModels.Random([total, .. shape], 3, low: -1, high: 2);
        using var g = TinyModels.Random([total, .. shape], 4, low: -1);
        using var whole = Filled(make);
        var expected = Passes(whole, x, g, null);
        var found = ThreadCollective.Run(counts.Length, ranks =>
        {
            using var layer = Filled(make);
            using var attached = SynchronizedBatchNorm.Attach(layer, ranks);
            var first = counts.Take(ranks.Rank).Sum();
            using var part = x.narrow(0, first, counts[ranks.Rank]);
            using var outer = g.narrow(0, first, counts[ranks.Rank]);
            return Passes(layer, part, outer, attached);
        });
        for (var pass = 0; pass < 2; pass++)
        {
            Close(found.SelectMany(rank => rank.Values[pass]), expected.Values[pass], name);
            Close(found.SelectMany(rank => rank.Inputs[pass]), expected.Inputs[pass], name);
        }
        for (var parameter = 0; parameter < expected.Parameters.Count; parameter++)
        {
            var sum = Enumerable.Range(0, expected.Parameters[parameter].Length).Select(i => found.Sum(rank => rank.Parameters[parameter][i]));
            Close(sum, expected.Parameters[parameter], name);
        }
        foreach (var rank in found)
        {
            rank.State.Keys.Should().Equal(expected.State.Keys);
            foreach (var (key, values) in expected.State) Close(rank.State[key], values, $"{name} {key}");
        }
    }

    [Fact]
    public void Call_InEvalModeAndAfterDisposal_IsTheLayersOwnWithoutExchange()
    {
        using var x = TinyModels.Random([4, 2, 3, 3], 3);
        using var g = TinyModels.Random([4, 2, 3, 3], 4);
        using var own = Filled(() => nn.BatchNorm2d(2));
        var trained = Passes(own, x, g, null);
        own.eval();
        using var answer = own.call(x);
        ThreadCollective.Run(2, ranks =>
        {
            using var layer = Filled(() => nn.BatchNorm2d(2));
            using (SynchronizedBatchNorm.Attach(layer, ranks))
            {
                layer.eval();
                using var frozen = layer.call(x);
                layer.train();
            }
            var after = Passes(layer, x, g, null);
            after.Values[1].Should().Equal(trained.Values[1]);
            layer.eval();
            using var again = layer.call(x);
            TensorAssert.Same(again, answer);
            ranks.Calls.Should().Be(0);
            TrainingWorld.Hooks(layer).Should().Be(0);
            return 0;
        });
    }

    [Fact]
    public void Call_Network_IsDeterministicOverRanksAndInItsOwnPrecision()
    {
        var outputs = ThreadCollective.Run(2, ranks =>
        {
            using var scope = NewDisposeScope();
            using var network = TrainingWorld.Network();
            using var attached = SynchronizedBatchNorm.Attach(network, ranks);
            network.train();
            using var x = TinyModels.Random([3, 1, 8, 8], ranks.Rank, ScalarType.Float32);
            using var logits = network.call(x);
            logits.dtype.Should().Be(ScalarType.Float32);
            network.training.Should().BeTrue();
            network.modules().OfType<BatchNorm>().Should().OnlyContain(layer => layer.training);
            return TrainingWorld.State(network);
        });
        TrainingWorld.SameState(outputs[1], outputs[0]);
        using var untrained = TrainingWorld.Network();
        outputs[0]["bn.running_mean"].Should().NotEqual(TrainingWorld.State(untrained)["bn.running_mean"]);
    }

    [Fact]
    public void Call_ManyPasses_LeaveNoTensorBehind()
    {
        var live = ThreadCollective.Run(2, ranks =>
        {
            using var layer = Filled(() => nn.BatchNorm2d(2));
            using var x = TinyModels.Random([4, 2, 3, 3], 3);
            using var g = TinyModels.Random([4, 2, 3, 3], 4);
            void Work()
            {
                using var attached = SynchronizedBatchNorm.Attach(layer, ranks);
                Passes(layer, x, g, attached);
                using var noGrad = no_grad();
                using var y = layer.call(x);
            }
            Work();
            var statistics = DisposeScopeManager.Statistics;
            statistics.Reset();
            for (var run = 0; run < 3; run++) Work();
            return statistics.TensorStatistics.ThreadTotalLiveCount;
        });
        live.Should().Equal(0, 0);
    }

    [Fact]
    public void Attach_SingleRank_ChangesNothing()
    {
        using var layer = nn.BatchNorm2d(2);
        using var attached = SynchronizedBatchNorm.Attach(layer, SoloCollective.Instance);
        TrainingWorld.Hooks(layer).Should().Be(0);
        FluentActions.Invoking(() => SynchronizedBatchNorm.Attach(null!, SoloCollective.Instance)).Should().Throw<ArgumentNullException>();
        FluentActions.Invoking(() => SynchronizedBatchNorm.Attach(layer, null!)).Should().Throw<ArgumentNullException>();
    }

    private static BatchNorm MeanOverAll()
    {
        var layer = nn.BatchNorm2d(2);
        layer.momentum = null;
        return layer;
    }

    internal static BatchNorm Filled(Func<BatchNorm> make)
    {
        var layer = make();
        layer.to(ScalarType.Float64);
        TinyModels.Fill(layer, 5);
        return layer;
    }

    /// <summary>Two forward and backward passes, so that running statistics add up.</summary>
    private static (List<double[]> Values, List<double[]> Inputs, List<double[]> Parameters, Dictionary<string, double[]> State) Passes(
        BatchNorm layer, Tensor x, Tensor g, SynchronizedBatchNorm? attached)
    {
        using var scope = NewDisposeScope();
        var (values, inputs) = (new List<double[]>(), new List<double[]>());
        layer.zero_grad(set_to_none: true);
        for (var pass = 1; pass <= 2; pass++)
        {
            var leaf = (x * pass).detach().requires_grad_();
            var y = layer.call(leaf);
            (y * g).sum().backward();
            attached?.ThrowIfFailed();
            values.Add(TensorAssert.Values(y));
            inputs.Add(TensorAssert.Values(leaf.grad!));
        }
        List<double[]> parameters = [.. layer.parameters().Select(parameter => TensorAssert.Values(parameter.grad!))];
        layer.zero_grad(set_to_none: true);
        return (values, inputs, parameters, TrainingWorld.State(layer));
    }

    private static void Close(IEnumerable<double> actual, double[] expected, string what)
    {
        var found = actual.ToArray();
        found.Should().HaveCount(expected.Length);
        for (var i = 0; i < found.Length; i++)
            if (!(Math.Abs(found[i] - expected[i]) <= Tolerance)) Assert.Fail($"{what}: element {i} is {found[i]:R}, expected {expected[i]:R}.");
    }
}
