using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>What an ensemble refuses before it begins, what it counts and what it says while it runs.</summary>
public sealed class EnsembleBorderTests
{
    private static readonly ThreatModel _threat = ThreatModel.Linf(0.05);

    [Fact]
    public void Cost_OfUnitsAndOfStrangers_IsAddedUp()
    {
        var targeted = new TargetedApgdAttack(_threat, new TargetedApgdOptions { Search = new() { Iterations = 7, Restarts = 2 }, Classes = 5 });
        var foreign = new ForeignAttack(_threat, (_, x, _) => x);
        // Of four classes three can be aimed at, twice each; a unit is eight passes forward and eight back.
        EnsembleRun.Cost([targeted], classes: 4).Should().Be(3 * 2 * 16);
        EnsembleRun.Cost([foreign, targeted, foreign], classes: 4).Should().Be(3 * 2 * 16 + 2 * 100);
        EnsembleRun.Cost([new EotAttack(new PgdAttack(_threat), 3)], classes: 4).Should().Be(3 * 100);
    }

    [Fact]
    public void Evaluate_CountThatIsAMultipleOfTheBatch_NeverCallsTheModelWithNothing()
    {
        using var scope = NewDisposeScope();
        using var linear = TinyModels.Linear();
        var counting = new CountingModel(linear);
        var images = TinyModels.Images(4, ScalarType.Float64);
        var options = new AutoAttackOptions
        {
            Version = AutoAttackVersion.Custom, Attacks = [new FgsmAttack(_threat)], BatchSize = 2, Diagnose = false,
        };
        new AutoAttack(_threat, options).Evaluate(counting, images, linear.call(images).argmax(1)).Dispose();
        counting.Forwards.Should().NotBeEmpty().And.OnlyContain(samples => samples > 0);
    }

    [Fact]
    public void Evaluate_OnePassForOneImage_IsAllOfTheWork()
    {
        using var scope = NewDisposeScope();
        // Class 0 where the pixel is above one half. The attack asks nothing, so that the pass which confirms it is the only one.
        using var model = new FuncModel(x => cat([x.flatten(1), 1 - x.flatten(1)], 1));
        var threat = ThreatModel.Linf(0.25);
        var progress = new ListProgress<AttackProgress>();
        using var report = Ensemble(new ForeignAttack(threat, (_, x, _) => x - 0.25)).Evaluate(
            model, full([1, 1, 1, 1], 0.6), zeros(1, ScalarType.Int64), new AttackContext { Progress = progress });
        (report.RobustAccuracy, report.Attacks[0].RobustAccuracyAfter, report.Attacks[0].Broken).Should().Be((0, 0, 1));
        progress.Reports.Should().ContainSingle().Which.Should()
            .Match<AttackProgress>(said => said.SampleForwards == 1 && said.SampleBackwards == 0 && said.Fraction == 1);
    }

    [Fact]
    public void Evaluate_ModelOfASingleWeight_IsRecognisedByIt()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var ensemble = Ensemble(options => options with { StatePath = folder.File("run.state") }, new SquareAttack(
            _threat, new SquareOptions { Queries = 2 }));
        void Run(double weight)
        {
            using var model = new Scaled(weight);
            ensemble.Evaluate(model, TinyModels.Images(2), TinyModels.Labels(2)).Dispose();
        }

        // All answers are the same whatever the weight, as those for a few images may be.
        Run(1);
        Run(1);
        FluentActions.Invoking(() => Run(2)).Should().Throw<InvalidOperationException>().WithMessage("*model: was 'Scaled *");
    }

    [Fact]
    public void Evaluate_CancelledBeforehand_AsksNothing()
    {
        using var scope = NewDisposeScope();
        var counting = new CountingModel(TinyModels.Linear(dtype: ScalarType.Float32));
        using var source = new CancellationTokenSource();
        source.Cancel();
        Ensemble(new FgsmAttack(_threat)).Invoking(ensemble => ensemble.Evaluate(
            counting, TinyModels.Images(4), TinyModels.Labels(4), new AttackContext { CancellationToken = source.Token }))
            .Should().Throw<OperationCanceledException>();
        counting.Forwards.Should().BeEmpty();
    }

    [Fact]
    public void CleanAnswers_Cancelled_StopBetweenBatches()
    {
        using var scope = NewDisposeScope();
        using var source = new CancellationTokenSource();
        var batches = 0;
        using var model = new FuncModel(x =>
        {
            batches++;
            source.Cancel();
            return x.flatten(1);
        });
        var ask = () => CleanAnswers.Of(Task(model, TinyModels.Labels(6), new AttackContext { CancellationToken = source.Token }));
        ask.Should().Throw<OperationCanceledException>();
        batches.Should().Be(1);
    }

    [Fact]
    public void CleanAnswers_OtherClassesInTheSecondBatch_NameBoth()
    {
        using var scope = NewDisposeScope();
        var batches = 0;
        using var model = new FuncModel(x => x.flatten(1).narrow(1, 0, ++batches == 1 ? 4 : 3));
        var ask = () => CleanAnswers.Of(Task(model, TinyModels.Labels(4, 3)));
        ask.Should().Throw<InvalidOperationException>()
            .WithMessage("The model returned 3 classes after 4 before, for the images from 2 on*");
    }

    [Fact]
    public void CleanAnswers_LabelBeyondTheClasses_IsRefused()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear(dtype: ScalarType.Float32);
        var ask = () => CleanAnswers.Of(Task(model, tensor([0L, 4L])));
        ask.Should().Throw<ArgumentException>().WithParameterName("labels");
    }

    [Fact]
    public void Evaluate_LabelBeyondTheClasses_IsRefusedBeforeTheStateIsMade()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = TinyModels.Linear(dtype: ScalarType.Float32);
        var ensemble = Ensemble(options => options with { StatePath = folder.File("run.state") }, new FgsmAttack(_threat));
        ensemble.Invoking(e => e.Evaluate(model, TinyModels.Images(2), tensor([0L, 4L])))
            .Should().Throw<ArgumentException>().WithParameterName("labels");
        folder.Names.Should().BeEmpty();
    }

    [Fact]
    public void Evaluate_AttackWithoutAGradient_ClaimsNothing()
    {
        using var scope = NewDisposeScope();
        using var linear = TinyModels.Linear(dtype: ScalarType.Float32);
        using var model = new FuncModel(x => linear.call(x.detach()).detach(), linear);
        var images = TinyModels.Images(4);
        var labels = model.call(images).argmax(1);
        IAttack[] attacks = [new FgsmAttack(_threat), new SquareAttack(_threat, new SquareOptions { Queries = 2 })];
        using var report = Ensemble(options => options with { Diagnose = true }, attacks).Evaluate(model, images, labels);
        report.Findings.Select(finding => finding.Kind).Should().NotContain(FindingKind.UnconfirmedSuccess);
        report.Attacks[0].Should().Match<AttackSummary>(attack => attack.Broken == 0 && attack.Attacked == 4);
    }

    // Of the four images 0 and 1 were followed by the first attack to its end, 2 had no gradient and 3 none that was a number.
    [Fact]
    public void Evaluate_NotesOfTwoAttacks_DoubtOnlyWhatNoneFollowed()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear(dtype: ScalarType.Float32);
        var images = TinyModels.Images(4);
        var labels = model.call(images).argmax(1);
        using var report = Ensemble(new Noting([0, 1], [2], [3]), new Noting([], [1, 2], [0, 3])).Evaluate(model, images, labels);
        report.Data.Notes.ZeroGradients.Should().Equal(2);
        report.Data.Notes.NonFiniteGradients.Should().Equal(3);
        // As many without a gradient as with one are still an attack that follows gradients.
        using var even = Ensemble(new Noting([0, 1], [2, 3], []), new Noting([], [0, 1, 2, 3], [])).Evaluate(model, images, labels);
        even.Data.Notes.ZeroGradients.Should().BeEquivalentTo([2L, 3L]);
        // And one gradient is enough, whatever the others were: images 0 to 2 were followed.
        using var one = Ensemble(new Noting([0], [], [3]), new Noting([], [0, 3], [])).Evaluate(model, images, labels);
        one.Data.Notes.ZeroGradients.Should().BeEquivalentTo([3L]);
        using var single = Ensemble(new Noting([0], [], []), new Noting([], [0], [])).Evaluate(model, images, labels);
        single.Data.Notes.ZeroGradients.Should().BeEmpty();
    }

    [Fact]
    public void Evaluate_ResumedAtItsEnd_ReportsWhereItStands()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = TinyModels.Linear(dtype: ScalarType.Float32);
        var images = TinyModels.Images(4);
        var labels = model.call(images).argmax(1);
        List<AttackProgress> Watch()
        {
            var progress = new ListProgress<AttackProgress>();
            Ensemble(options => options with { StatePath = folder.File("run.state") }, new FgsmAttack(ThreatModel.Linf(1e-4)))
                .Evaluate(model, images, labels, new AttackContext { Progress = progress }).Dispose();
            return progress.Reports.FindAll(report => report.Evaluation is not null);
        }

        // One attack on one batch: the report after it, and the same again from the state.
        var (first, again) = (Watch(), Watch());
        first.Should().ContainSingle().Which.Should().Match<AttackProgress>(report => report.Fraction == 1 && report.Restart == 0);
        again.Should().ContainSingle().Which.SampleForwards.Should().Be(first[0].SampleForwards);
    }

    private static EnsembleTask Task(IModule model, Tensor labels, AttackContext? context = null) => new()
    {
        Attacks = [new FgsmAttack(_threat)],
        Threat = _threat,
        Model = new GuardedModel(model, context ?? new AttackContext()),
        Images = TinyModels.Images((int)labels.shape[0]),
        Labels = labels,
        BatchSize = 2,
        Context = context ?? new AttackContext(),
    };

    private static AutoAttack Ensemble(params IAttack[] attacks) => Ensemble(options => options, attacks);

    private static AutoAttack Ensemble(Func<AutoAttackOptions, AutoAttackOptions> change, params IAttack[] attacks) =>
        new(attacks[0].Threat, change(new AutoAttackOptions { Version = AutoAttackVersion.Custom, Attacks = attacks, Diagnose = false }));

    /// <summary>One weight that does not show in the answers.</summary>
    private sealed class Scaled : nn.Module<Tensor, Tensor>
    {
        private readonly TorchSharp.Modules.Parameter _weight;

        public Scaled(double weight) : base(nameof(Scaled))
        {
            _weight = new TorchSharp.Modules.Parameter(tensor(weight, ScalarType.Float32));
            register_parameter("weight", _weight);
        }

        public override Tensor forward(Tensor input) => input.flatten(1).narrow(1, 0, 4) + 0 * _weight;
    }

    /// <summary>Leaves the images alone and notes how their gradients were.</summary>
    private sealed class Noting(long[] followed, long[] zero, long[] nonFinite) : IAttack
    {
        public string Name => "noting";

        public ThreatModel Threat => _threat;

        public Tensor Perturb(IModule model, Tensor images, Tensor labels, AttackContext? context = null)
        {
            context!.Notes!.Followed.UnionWith(followed);
            context.Notes.ZeroGradients.UnionWith(zero);
            context.Notes.NonFiniteGradients.UnionWith(nonFinite);
            return images.clone();
        }
    }
}
