using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>A loss finds what belongs to a sample of the data set by its number, whatever an attack or an ensemble does with the batch.</summary>
public sealed class SampleIndicesTests : IDisposable
{
    private const int Count = 11;
    private const int Classes = 6;
    private static readonly ThreatModel _threat = ThreatModel.Linf(0.08);
    // Numbers of a larger data set, in no order.
    private static readonly long[] _numbers = [17, 3, 29, 8, 0, 22, 11, 5, 26, 14, 2];

    private readonly DisposeScope _scope = NewDisposeScope();
    private readonly LinearModel _model = TinyModels.Linear(Classes);
    private readonly Tensor _images = TinyModels.Images(Count, ScalarType.Float64);
    private readonly Tensor _labels;
    private readonly SideDataLoss _loss;

    public SampleIndicesTests()
    {
        using (no_grad()) _labels = _model.call(_images).argmax(1);
        _labels[4] = (_labels[4] + 1) % Classes;   // one that is wrong from the start, so that survivors are some of the images only
        var (labels, goals, weights) = (full([30], -1, ScalarType.Int64), zeros([30], ScalarType.Int64), zeros([30], ScalarType.Float64));
        var at = tensor(_numbers);
        labels.index_copy_(0, at, _labels);
        goals.index_copy_(0, at, (_labels + 1 + arange(Count) % (Classes - 1)) % Classes);
        weights.index_copy_(0, at, arange(1, Count + 1).to(ScalarType.Float64));
        _loss = new SideDataLoss(labels, goals, weights);
    }

    public static TheoryData<string> Attacks => ["PGD early stop", "PGD restarts", "PGD best loss", "APGD", "Square", "FAB", "worst case"];

    [Theory]
    [MemberData(nameof(Attacks))]
    public void Attack_GivesEachSampleItsOwnData(string name)
    {
        var attack = Make(name);
        var together = attack.Perturb(_model, _images, _labels, new AttackContext { SampleIndices = _numbers });
        _loss.Sizes.Should().Contain(size => size < Count, "samples that are done must have left");
        EqualsOneByOne(together, (image, label, context) => attack.Perturb(_model, image, label, context));
        _loss.Strangers.Should().Be(0, "every sample must come with its own number");
    }

    [Fact]
    public void AutoAttack_GivesEachSurvivorItsOwnData()
    {
        var ensemble = new AutoAttack(_threat, new AutoAttackOptions { Version = AutoAttackVersion.Custom, Attacks = [.. new[] { "PGD best loss", "PGD early stop", "APGD", "Square", "FAB" }.Select(Make)], BatchSize = 4, Diagnose = false });
        using var report = ensemble.Evaluate(_model, _images, _labels, new AttackContext { SampleIndices = _numbers });
        report.RobustAccuracy.Should().BeInRange(0.05, 0.85, "there must be survivors and broken ones");
        EqualsOneByOne(report.Adversarial, (image, label, context) => ensemble.Perturb(_model, image, label, context));
        _loss.Strangers.Should().Be(0);
    }

    [Fact]
    public void Evaluator_NumbersTheImagesOfTheDataSet()
    {
        var seen = new List<long>();
        var loss = AttackLoss.Custom("watched", inputs =>
        {
            seen.AddRange(inputs.SampleIndices.data<long>().ToArray());
            return nn.functional.cross_entropy(inputs.Logits, inputs.Labels, reduction: nn.Reduction.None);
        });
        using var data = new ImageDataset((_images * 255).to(ScalarType.Byte), _labels, [.. Enumerable.Range(0, Classes).Select(i => $"{i}")]);
        var result = RobustnessEvaluator.Evaluate(_model, data, new PgdAttack(_threat, new PgdOptions { Steps = 1, Loss = loss }), new() { BatchSize = 4 });
        seen.Should().Equal(Enumerable.Range(0, Count).Where(i => result.Correct[i]).Select(i => (long)i)).And.HaveCountLessThan(Count);
    }

    [Fact]
    public void WithoutNumbers_SamplesCountFromZero_AndNarrowingKeepsThem()
    {
        var probe = new ProbeAttack(_threat, run =>
        {
            run.SampleIndices.data<long>().ToArray().Should().Equal(Enumerable.Range(0, Count).Select(i => (long)i));
            run.Select(tensor([7L, 2L])).ForLogits(tensor([1L])).SampleIndices.data<long>().ToArray().Should().Equal(2);
            return run.Images;
        });
        probe.Perturb(_model, _images, _labels);
        new AttackLossInputs(zeros(3, 2), zeros([3], ScalarType.Int64), null, []).SampleIndices.data<long>().ToArray().Should().Equal(0, 1, 2);
    }

    [Fact]
    public void SideData_CostsNoReadAndNoTensor()
    {
        var attack = new PgdAttack(_threat, new PgdOptions { Steps = 3, Loss = _loss.Silent });
        var plain = new PgdAttack(_threat, new PgdOptions { Steps = 3 });
        Reads(attack).Should().Be(Reads(plain));
        LeakAssert.None(() => attack.Perturb(_model, _images, _labels, new AttackContext { SampleIndices = _numbers }).Dispose());
    }

    [Fact]
    public void Custom_SeesTargets_AndIsRecognisedByItsName()
    {
        var targets = (_labels + 1) % Classes;
        var loss = AttackLoss.Custom("towards", inputs => nn.functional.cross_entropy(inputs.Logits, inputs.Targets!, reduction: nn.Reduction.None).neg());
        var context = new AttackContext { Targets = targets };
        new FgsmAttack(_threat, new FgsmOptions { Loss = loss }).Perturb(_model, _images, _labels, context)
            .allclose(new FgsmAttack(_threat).Perturb(_model, _images, _labels, context)).Should().BeTrue();
        new PgdAttack(_threat, new PgdOptions { Loss = loss }).ToString().Should().Contain("custom 'towards'");
    }

    public void Dispose()
    {
        _model.Dispose();
        _scope.Dispose();
    }

    private static long Reads(PgdAttack attack)
    {
        using var model = TinyModels.Linear(Classes);
        using var images = TinyModels.Images(Count, ScalarType.Float64);
        using var labels = TinyModels.Labels(Count, Classes);
        var before = HostRead.Count;
        attack.Perturb(model, images, labels, new AttackContext { SampleIndices = _numbers }).Dispose();
        return HostRead.Count - before;
    }

    private IAttack Make(string name) => name switch
    {
        "PGD early stop" => new PgdAttack(_threat, new PgdOptions { Steps = 6, Selection = PgdSelection.FirstSuccess, Loss = _loss }),
        "PGD restarts" => new PgdAttack(_threat, new PgdOptions { Steps = 2, Restarts = 3, Start = RandomStart.Uniform, Loss = _loss }),
        "PGD best loss" => new PgdAttack(_threat, new PgdOptions { Steps = 2, Selection = PgdSelection.BestLoss, Restarts = 2, Loss = _loss }),
        "APGD" => new ApgdAttack(_threat, new ApgdOptions { Search = new() { Iterations = 10 }, Loss = _loss }),
        "Square" => new SquareAttack(_threat, new SquareOptions { Queries = 30, Loss = _loss }),
        "FAB" => new FabOfLoss(_threat, _loss),
        _ => new WorstCaseAttack("worst case", Make("PGD best loss"), Make("APGD")),
    };

    private void EqualsOneByOne(Tensor together, Func<Tensor, Tensor, AttackContext, Tensor> alone)
    {
        for (var i = 0; i < Count; i++)
        {
            var single = alone(_images.narrow(0, i, 1), _labels.narrow(0, i, 1), new AttackContext { SampleIndices = [_numbers[i]] });
            (single - together.narrow(0, i, 1)).abs().max().ToDouble().Should().BeLessThan(1e-9, "image {0} must not depend on its batch", i);
        }
        (together - _images).abs().amax([1, 2, 3]).count_nonzero().ToInt64().Should().BePositive();
    }

    /// <summary>w_i (z_goal(i) - z_y), with goal and weight from tables of the data set. Counts samples whose label is not that of their number.</summary>
    private sealed class SideDataLoss(Tensor labels, Tensor goals, Tensor weights, bool counts = true) : IAttackLoss
    {
        public string Name => "side data";

        public long Strangers { get; private set; }

        public List<long> Sizes { get; } = [];

        public IAttackLoss Silent => new SideDataLoss(labels, goals, weights, counts: false);

        public Tensor Compute(AttackLossInputs inputs)
        {
            using var scope = NewDisposeScope();
            Tensor Of(Tensor table) => table.index_select(0, inputs.SampleIndices);
            if (counts)
            {
                Sizes.Add(inputs.SampleIndices.shape[0]);
                Strangers += (Of(labels) != inputs.Labels).sum().ToInt64();
            }
            Tensor At(Tensor classes) => inputs.Logits.gather(1, classes.unsqueeze(1)).squeeze(1);
            return (Of(weights) * (At(Of(goals)) - At(inputs.Labels))).MoveToOuterDisposeScope();
        }
    }

    /// <summary>FAB along the boundary that a loss of one's own gives.</summary>
    private sealed class FabOfLoss(ThreatModel threat, IAttackLoss loss) : UnitAttack(threat)
    {
        public override string Name => "FAB of a loss";

        protected override int UnitCount(long classes) => 2;

        protected override long UnitCost(long classes) => 20;

        protected override UnitOutcome SearchUnit(AttackRun run, int unit) =>
            FabEngine.Search(run.With(loss), new FabOptions { Iterations = 5 }, FabPlane.OfLoss, new FabUnit(Name, unit, unit));
    }
}
