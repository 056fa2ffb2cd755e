using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>Cancellation, failing models, memory, and the numbers that a report derives.</summary>
public sealed class InterruptedEvaluationTests : IDisposable
{
    private static readonly ThreatModel _threat = ThreatModel.Linf(0.05);

    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void Evaluate_CancelledInAnyEvaluationOfTheModel_BeginsNoOther()
    {
        using var scope = NewDisposeScope();
        using var net = TinyModels.Linear();
        var images = TinyModels.Images(5, ScalarType.Float64);
        var labels = TinyModels.Predicted(net, images);
        int Run(int cancelAt)
        {
            using var stop = new CancellationTokenSource();
            var calls = 0;
            using var model = new FuncModel(x =>
            {
                if (++calls == cancelAt) stop.Cancel();
                return net.call(x);
            });
            var act = () => Cheap(batchSize: 2).Evaluate(model, images, labels, new AttackContext { CancellationToken = stop.Token }).Dispose();
            if (cancelAt > 0) act.Should().Throw<OperationCanceledException>("call {0} cancelled", cancelAt);
            else act();
            return calls;
        }
        var total = Run(0);
        total.Should().BeGreaterThan(60);
        for (var at = 1; at < total; at++) Run(at).Should().Be(at);
    }

    [Fact]
    public void Evaluate_CancelledBeforeItBegins_DoesNotCallTheModel()
    {
        using var scope = NewDisposeScope();
        var act = () => Cheap().Evaluate(new OpaqueModel(_ => throw new InvalidDataException()), TinyModels.Images(2), TinyModels.Labels(2), new AttackContext { CancellationToken = new CancellationToken(true) });
        act.Should().Throw<OperationCanceledException>();
    }

    [Fact]
    public void Evaluate_ModelThatThrowsInTheMiddle_KeepsStateAndModesAndLeaksNothing()
    {
        using var scope = NewDisposeScope();
        using var net = TinyModels.Smooth(dtype: ScalarType.Float64);
        var images = TinyModels.Images(9, ScalarType.Float64);
        var labels = TinyModels.Predicted(net, images);
        net.train();
        net.children().First().eval();
        var modes = net.children().Select(child => child.training).ToArray();
        using var whole = Cheap(batchSize: 2).Evaluate(net, images, labels);
        var path = _folder.File("run.state");
        var calls = 0;
        var failAt = 60;
        var failing = new Trap(net, () => { if (++calls == failAt) throw new InvalidDataException("on purpose"); });
        failing.train();
        net.children().First().eval();
        void Fail()
        {
            calls = 0;
            var act = () => Cheap(batchSize: 2, path).Evaluate(failing, images, labels);
            act.Should().Throw<InvalidDataException>().WithMessage("on purpose");
            failing.training.Should().BeTrue();
            net.children().Select(child => child.training).Should().Equal(modes);
        }
        Fail();
        var kept = new FileInfo(path).Length;
        kept.Should().BeGreaterThan(1500, "finished batches are in the file");
        failAt = 45;
        LeakAssert.None(Fail, runs: 2);
        failAt = -1;
        new FileInfo(path).Length.Should().BeGreaterThanOrEqualTo(kept);
        using var resumed = Cheap(batchSize: 2, path).Evaluate(failing, images, labels);
        resumed.Robust.Should().Equal(whole.Robust);
        resumed.Attacks.Select(attack => attack.SampleForwards).Should().Equal(whole.Attacks.Select(attack => attack.SampleForwards));
        TensorAssert.Same(resumed.Adversarial, whole.Adversarial);
    }

    [Fact]
    public void Evaluate_Memory_IsTheSameAtEveryReport()
    {
        using var scope = NewDisposeScope();
        using var net = TinyModels.Smooth();
        var images = TinyModels.Images(40);
        var labels = TinyModels.Predicted(net, images);
        var attack = Cheap(batchSize: 4, threat: ThreatModel.Linf(0.02));
        // A sloppy model, whose intermediate results nobody disposes.
        using var model = new FuncModel(x => net.call((x * 2 - 1 + 1) / 2), net);
        var live = new List<long>();
        var progress = new ListProgress<AttackProgress>(report => { if (report.Evaluation is not null) live.Add(DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount); });
        attack.Evaluate(model, images, labels).Dispose();
        DisposeScopeManager.Statistics.Reset();
        attack.Evaluate(model, images, labels, new AttackContext { Progress = progress }).Dispose();
        live.Should().HaveCountGreaterThan(20);
        live.Distinct().Should().ContainSingle();
        DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount.Should().Be(0);
    }

    [Fact]
    public void Evaluate_Classify_KeepsNothingOfEarlierBatches()
    {
        using var scope = NewDisposeScope();
        using var net = TinyModels.Linear();
        var images = TinyModels.Images(60, ScalarType.Float64);
        var live = new List<long>();
        using var model = new FuncModel(x =>
        {
            live.Add(DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount);
            return net.call(x * 2 / 2 + 1 - 1);
        });
        var attack = new AutoAttack(_threat, new AutoAttackOptions { Version = AutoAttackVersion.Custom, Attacks = [new FgsmAttack(_threat)], BatchSize = 4, Diagnose = false });
        attack.Evaluate(model, images, (net.call(images).argmax(1) + 1).remainder(4)).Dispose();
        live.Should().HaveCount(15, "every image is misclassified");
        (live[^1] - live[1]).Should().Be(13, "of each batch only the logits remain");
    }

    [Fact]
    public void Evaluate_SecurityCurve_FallsAndEqualsSeparateEvaluations()
    {
        using var scope = NewDisposeScope();
        using var net = TinyModels.Smooth(dtype: ScalarType.Float64);
        var images = TinyModels.Images(30, ScalarType.Float64);
        var labels = TinyModels.Predicted(net, images);
        double[] budgets = [0.08, 0.01, 0.03, 0.05];
        var context = new AttackContext { Seed = 3 };
        var options = new AutoAttackOptions { Version = AutoAttackVersion.Custom, Attacks = [new FgsmAttack(_threat)], Seed = 4, SecurityCurve = budgets };
        using var report = new AutoAttack(_threat, options).Evaluate(net, images, labels, context);
        report.Data.SecurityCurve.Select(point => point.Epsilon).Should().Equal(0.01, 0.03, 0.05, 0.08);
        report.Data.SecurityCurve.Select(point => point.RobustAccuracy).Should().BeInDescendingOrder().And.OnlyHaveUniqueItems();
        foreach (var (epsilon, accuracy) in report.Data.SecurityCurve)
        {
            var threat = ThreatModel.Linf(epsilon);
            using var separate = new AutoAttack(threat, options with { Attacks = [new TargetedApgdAttack(threat)], SecurityCurve = [] }).Evaluate(net, images, labels, context);
            accuracy.Should().Be(separate.RobustAccuracy);
        }
        report.SaveJson(_folder.File("r.json"));
        JsonReport.Read(_folder.File("r.json")).Should().BeEquivalentTo(JsonReport.Describe(report), choose => choose.WithStrictOrdering());
        JsonReport.Read(_folder.File("r.json")).SecurityCurve.Select(point => point[0]).Should().Equal(0.01, 0.03, 0.05, 0.08);
    }

    public void Dispose() => _folder.Dispose();

    private static AutoAttack Cheap(int batchSize = 256, string? statePath = null, ThreatModel? threat = null) => new(threat ??= _threat, new AutoAttackOptions
    {
        Version = AutoAttackVersion.Custom,
        Attacks =
        [
            new ApgdAttack(threat, new ApgdOptions { Search = new() { Iterations = 5 } }),
            new SquareAttack(threat, new SquareOptions { Queries = 10 }),
            new FgsmAttack(threat),
            new TargetedApgdAttack(threat, new TargetedApgdOptions { Search = new() { Iterations = 5 } }),
            new TargetedFabAttack(threat, new TargetedFabOptions { Search = new() { Iterations = 3 } }),
        ],
        BatchSize = batchSize,
        StatePath = statePath,
    });

    /// <summary>The same weights under the same names, and something that happens on every call.</summary>
    private sealed class Trap : nn.Module<Tensor, Tensor>
    {
        private readonly nn.Module<Tensor, Tensor> _inner;
        private readonly Action _before;

        public Trap(nn.Module<Tensor, Tensor> inner, Action before) : base(nameof(Trap))
        {
            (_inner, _before) = (inner, before);
            register_module("inner", inner);
        }

        public override Tensor forward(Tensor input)
        {
            _before();
            return _inner.call(input);
        }
    }
}
