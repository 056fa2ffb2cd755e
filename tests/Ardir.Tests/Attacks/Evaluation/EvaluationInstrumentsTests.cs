using Ardir.Attacks;
using Ardir.Core;
using Microsoft.Extensions.Logging;

namespace Ardir.Tests;

/// <summary>What evaluations and chains tell listeners and logs about attacks that are not the library's own, and what they leave undone.</summary>
public sealed class EvaluationInstrumentsTests : IDisposable
{
    private const int Count = 5;
    private const string Forwards = "ardir.attack.sample_forwards";

    private static readonly ThreatModel _threat = ThreatModel.Linf(1e-4);

    private readonly DisposeScope _scope = NewDisposeScope();
    private readonly LinearModel _linear = TinyModels.Linear();
    private readonly Tensor _images = TinyModels.Images(Count, ScalarType.Float64);

    private Tensor Labels => _linear.call(_images).argmax(1);

    public void Dispose()
    {
        _linear.Dispose();
        _scope.Dispose();
    }

    [Fact]
    public void Evaluator_ForeignAttack_IsCountedUnderItsName()
    {
        var labels = Labels;
        var twice = new ForeignAttack(_threat, (model, x, _) =>
        {
            for (var pass = 0; pass < 2; pass++) ((nn.IModule<Tensor, Tensor>)model).call(x);
            return x;
        });
        using var listener = new Listener();
        RobustnessEvaluator.Evaluate(_linear, _images, labels, twice, new EvaluationOptions { BatchSize = 2 }).RobustAccuracy.Should().Be(1);
        listener.Total(Forwards, "foreign").Should().Be(2 * Count);
    }

    [Fact]
    public void Chain_ItsOwnJudgement_IsCountedUnderItsName()
    {
        var labels = Labels;
        var counting = new CountingModel(_linear);
        using var listener = new Listener();
        new WorstCaseAttack("chain", new FgsmAttack(_threat), new PgdAttack(_threat, new() { Steps = 2 })).Perturb(counting, _images, labels);
        listener.Total(Forwards, "chain").Should().Be(Count, "the chain asks which images the first attack broke");
        listener.Total(Forwards).Should().Be(counting.SampleForwards);
    }

    [Fact]
    public void Ensemble_TellsCleanAndRobustAccuracy()
    {
        var labels = Labels;
        labels[0] = (labels[0] + 1).remainder(4);
        using var listener = new Listener();
        using var report = Ensemble(null).Evaluate(_linear, _images, labels);
        listener.Values("ardir.accuracy", "clean").Should().Equal(0.8);
        listener.Values("ardir.accuracy", "robust").Should().Equal(report.RobustAccuracy);
    }

    [Fact]
    public void Chain_AttackWithoutAGradient_IsNamedInTheLog()
    {
        var logger = new ListLogger();
        using var detached = new FuncModel(x => _linear.call(x).detach(), _linear);
        var chain = new WorstCaseAttack("chain", new FgsmAttack(_threat), new SquareAttack(_threat, new() { Queries = 2 }));
        chain.Perturb(detached, _images, Labels, new AttackContext { Logger = logger });
        logger.Entries.Should().ContainSingle(entry => entry.Level == LogLevel.Warning).Which.Message.Should().Contain("FGSM");
    }

    [Fact]
    public void StateFile_HeldByAnother_IsToldWithWhateverItsLineSays()
    {
        using var folder = new TemporaryFolder();
        var state = folder.File("run.state");
        StateOwner.Holding(state, new IOException("held", 11)).Should().BeEmpty("nothing tells");
        File.WriteAllText(state + ".owner", "x");
        StateOwner.Holding(state, new IOException("held", 11)).Should().Be(" It is held by x.");
        StateOwner.Holding(state, new IOException("full", 28)).Should().BeEmpty("another fault");
    }

    [Fact]
    public void Ensemble_CancelledBeforehand_BeginsNothing()
    {
        using var folder = new TemporaryFolder();
        using var listener = new Listener();
        using var source = new CancellationTokenSource();
        source.Cancel();
        Ensemble(folder.File("run.state"))
            .Invoking(ensemble => ensemble.Evaluate(_linear, _images, Labels, new AttackContext { CancellationToken = source.Token }))
            .Should().Throw<OperationCanceledException>();
        folder.Names.Should().BeEmpty();
        listener.Activities.Should().BeEmpty();
    }

    private static AutoAttack Ensemble(string? state) => new(_threat, new AutoAttackOptions
    {
        Version = AutoAttackVersion.Custom, Attacks = [new FgsmAttack(_threat)], Diagnose = false, StatePath = state,
    });
}
