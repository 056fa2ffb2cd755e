using Ardir.Core;
using TorchSharp.Modules;

namespace Ardir.Tests;

/// <summary>Batch norm over several ranks whose exchange fails, or that is used as it cannot be, says so and ends no process.</summary>
public sealed class SynchronizedBatchNormFailureTests
{
    [Fact]
    public void ThrowIfFailed_ExchangeThatFailsInABackwardPass_ThrowsItsCauseAndSoDoesTheNextPass()
    {
        using var layer = SynchronizedBatchNormTests.Filled(() => nn.BatchNorm2d(2));
        using var x = TinyModels.Random([4, 2, 3, 3], 3).requires_grad_();
        using var attached = SynchronizedBatchNorm.Attach(layer, new BrokenCollective());
        using var y = layer.call(x);
        using var total = y.sum();
        total.backward();
        attached.Invoking(a => a.ThrowIfFailed()).Should().Throw<InvalidOperationException>().WithInnerException<IOException>();
        layer.Invoking(l => l.call(x)).Should().Throw<InvalidOperationException>();
    }

    [Fact]
    public void ThrowIfFailed_FailureBehindOtherLayers_EndsTheBackwardPassWithoutAnotherExchange()
    {
        using var scope = NewDisposeScope();
        using var network = nn.Sequential(nn.Conv2d(2, 2, 1), SynchronizedBatchNormTests.Filled(() => nn.BatchNorm2d(2)), nn.ReLU(), SynchronizedBatchNormTests.Filled(() => nn.BatchNorm2d(2)));
        network.to(ScalarType.Float64);
        var broken = new BrokenCollective();
        using var attached = SynchronizedBatchNorm.Attach(network, broken);
        network.call(TinyModels.Random([4, 2, 3, 3], 3)).square().sum().backward();
        broken.Reductions.Should().Be(1);
        attached.Invoking(a => a.ThrowIfFailed()).Should().Throw<InvalidOperationException>().WithMessage("*The other rank is gone.").WithInnerException<IOException>();
    }

    [Fact]
    public void Backward_SecondDerivatives_AreRefused()
    {
        using var scope = NewDisposeScope();
        using var layer = SynchronizedBatchNormTests.Filled(() => nn.BatchNorm2d(2));
        using var attached = SynchronizedBatchNorm.Attach(layer, new BrokenCollective { Answers = true });
        var x = TinyModels.Random([4, 2, 3, 3], 3).requires_grad_();
        layer.call(x).square().sum().backward(create_graph: true);
        attached.Invoking(a => a.ThrowIfFailed()).Should().Throw<InvalidOperationException>().WithMessage("*no second derivatives*DistributedBatchNorm.Local*");
    }

    [Fact]
    public void ThrowIfFailed_LayerInvokedByForward_NamesIt()
    {
        using var scope = NewDisposeScope();
        using var network = nn.Sequential(("first", nn.Linear(3, 2)), ("norm", nn.BatchNorm1d(2)));
        using var attached = SynchronizedBatchNorm.Attach(network, new BrokenCollective { Answers = true });
        var norm = (BatchNorm1d)network.children().Last();
        attached.ThrowIfFailed();
        norm.forward(TinyModels.Random([4, 2], 3, ScalarType.Float32)).square().sum().backward();
        attached.Invoking(a => a.ThrowIfFailed()).Should().Throw<InvalidOperationException>().WithMessage("*'norm'*call(x), not by forward(x)*");
        norm.Invoking(layer => layer.call(TinyModels.Random([4, 2], 3, ScalarType.Float32))).Should().Throw<InvalidOperationException>();
    }

    [Fact]
    public void Call_AfterAPassThatFailed_AnswersItsOwnBatch()
    {
        using var scope = NewDisposeScope();
        using var layer = SynchronizedBatchNormTests.Filled(() => nn.BatchNorm2d(2));
        using var attached = SynchronizedBatchNorm.Attach(layer, new BrokenCollective { Answers = true });
        var x = TinyModels.Random([4, 2, 3, 3], 3);
        var expected = layer.call(x);
        foreach (var wrong in new[] { TinyModels.Random([4, 3, 3, 3], 4), TinyModels.Random([4, 2, 3, 3], 4, ScalarType.Int64, 0, 5) })
        {
            layer.Invoking(l => l.call(wrong)).Should().Throw<Exception>();
            TensorAssert.Close(layer.call(x), expected, 0);
            layer.training.Should().BeTrue();
        }
        layer.Invoking(l => l.call(x[..0])).Should().Throw<InvalidOperationException>().WithMessage("*[0,2,3,3]*at least one sample at every rank*");
    }

    /// <summary>Two ranks of which the other one never answers a reduction.</summary>
    private sealed class BrokenCollective : ICollective
    {
        public int Rank => 0;

        public int Size => 2;

        public bool Answers { get; init; }

        public int Reductions { get; private set; }

        public void AllReduce(Tensor values, Reduction reduction = Reduction.Sum)
        {
            Reductions++;
            if (!Answers) throw new IOException("The other rank is gone.");
        }

        public void Broadcast(Tensor values, int root = 0)
        {
        }

        public Tensor AllGather(Tensor values) => cat([values, values], 0);

        public void Barrier()
        {
        }
    }
}
