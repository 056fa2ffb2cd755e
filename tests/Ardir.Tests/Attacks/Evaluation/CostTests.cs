using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>What an evaluation says that its attacks cost, counted by hand: every image resists, so every one takes all passes.</summary>
public sealed class CostTests
{
    private const int Count = 5;
    private const int Classes = 4;

    private static readonly ThreatModel _threat = ThreatModel.Linf(1e-4);

    /// <summary>Passes of one image forward and backward by <c>Perturb</c>; how many of the forward passes an ensemble saves, because it knows the clean logits and has
    /// nothing to confirm.</summary>
    private static readonly Dictionary<string, (Func<IAttack> Attack, long Forwards, long Backwards, long Saved)> _attacks = new()
    {
        ["PGD"] = (() => new PgdAttack(_threat, new() { Steps = 3 }), 3, 3, 0),
        // Each restart takes 4 steps of 2 passes, and one pass that judges it.
        ["EoT-PGD with restarts"] = (() => new EotAttack(new PgdAttack(_threat, new() { Steps = 4, Restarts = 3 }), 2), 3 * (4 * 2 + 1), 3 * 4 * 2, 0),
        // The clean image, the start and 10 points; the last is only tried.
        ["APGD"] = (() => new ApgdAttack(_threat, new() { Search = new() { Iterations = 10 } }), 1 + 11, 10, 2),
        // With EoT the last point gets its gradients, too.
        ["EoT-APGD with restarts"] = (() => new EotAttack(new ApgdAttack(_threat, new() { Search = new() { Iterations = 10, Restarts = 2 } }), 3), 1 + 2 * 11 * 3, 2 * 11 * 3, 2),
        // One iteration: the clean image, the boundaries to three classes there, the point that the step leads to.
        ["FAB"] = (() => new FabAttack(_threat, new() { Iterations = 1 }), 1 + 1 + 1, Classes - 1, 2),
        // In L2 every proposal changes the image, so that none is skipped.
        ["Square"] = (() => new SquareAttack(ThreatModel.L2(1e-4), new() { Queries = 20 }), 1 + 20, 0, 2),
        ["foreign"] = (() => new Climber(_threat, passes: 3), 3, 3, 0),
        ["foreign around PGD"] = (() => new Passing(new PgdAttack(_threat, new() { Steps = 3 })), 3, 3, 0),
        // FGSM, the judgement of its result, two steps of PGD.
        ["chain"] = (() => new WorstCaseAttack("chain", new FgsmAttack(_threat), new PgdAttack(_threat, new() { Steps = 2 })), 1 + 1 + 2, 1 + 2, 0),
        ["chain with a foreign attack"] = (() => new WorstCaseAttack("chain", new Climber(_threat, passes: 2), new FgsmAttack(_threat)), 2 + 1 + 1, 2 + 1, 0),
        ["chain in a chain"] = (() => new WorstCaseAttack("chain", new WorstCaseAttack("inner", new FgsmAttack(_threat), new FgsmAttack(_threat)), new FgsmAttack(_threat)), 3 + 2, 3, 0),
        // The clean pass and, because an attack that is called through Perturb claims nothing, a confirmation.
        ["ensemble"] = (() => new AutoAttack(_threat, new() { Version = AutoAttackVersion.Custom, Attacks = [new PgdAttack(_threat, new() { Steps = 3 })], Diagnose = false }), 1 + 3 + 1, 3, 0),
    };

    public static TheoryData<string> Attacks => [.. _attacks.Keys];

    [Theory, MemberData(nameof(Attacks))]
    public void Evaluator_AnyAttack_CountsEveryPass(string name)
    {
        using var inner = TinyModels.Linear(Classes, dtype: ScalarType.Float32);
        using var data = Data(inner);
        var model = new CountingModel(inner);
        var (attack, forwards, backwards, _) = _attacks[name];
        var summary = RobustnessEvaluator.Evaluate(model, data, attack(), new() { BatchSize = 2 }).Attacks.Should().ContainSingle().Which;
        summary.Should().Match<AttackSummary>(attack => attack.Attacked == Count && attack.Broken == 0 && attack.RobustAccuracyAfter == 1);
        summary.Name.Should().Be(attack().Name);
        summary.SampleForwards.Should().Be(Count * (forwards + 1), "the result is confirmed");
        summary.SampleBackwards.Should().Be(Count * backwards);
        model.SampleForwards.Should().Be(summary.SampleForwards + Count, "the clean pass is nobody's");
        model.SampleBackwards.Should().Be(summary.SampleBackwards);
    }

    [Theory, MemberData(nameof(Attacks))]
    public void CustomEnsemble_AnyAttack_CountsEveryPass(string name)
    {
        using var inner = TinyModels.Linear(Classes, dtype: ScalarType.Float32);
        using var data = Data(inner);
        var model = new CountingModel(inner);
        var (attack, forwards, backwards, saved) = _attacks[name];
        using var images = Pixels(data.Images);
        using var report = new AutoAttack(attack().Threat, new() { Version = AutoAttackVersion.Custom, Attacks = [attack()], BatchSize = Count, Diagnose = false }).Evaluate(model, images, data.Labels);
        var summary = report.Attacks.Should().ContainSingle().Which;
        (summary.Attacked, summary.Broken).Should().Be((Count, 0));
        summary.SampleForwards.Should().Be(Count * (forwards + 1 - saved));
        summary.SampleBackwards.Should().Be(Count * backwards);
        model.SampleForwards.Should().Be(summary.SampleForwards + Count, "the clean pass is nobody's");
        model.SampleBackwards.Should().Be(summary.SampleBackwards);
    }

    [Theory, InlineData(2), InlineData(Count), InlineData(64)]
    public void Ensemble_WithChecksAndCurve_AsksAboutCleanImagesOnce(int batchSize)
    {
        using var inner = TinyModels.Linear(Classes, dtype: ScalarType.Float32);
        using var data = Data(inner);
        using var images = Pixels(data.Images);
        long Spent(bool checks, params double[] curve)
        {
            var model = new CountingModel(inner);
            // Every image is misclassified, so that nothing is attacked.
            using var labels = (data.Labels + 1).remainder(Classes);
            new AutoAttack(_threat, new() { Version = AutoAttackVersion.Custom, Attacks = [new FgsmAttack(_threat)], BatchSize = batchSize, Diagnose = checks, SecurityCurve = curve })
                .Evaluate(model, images, labels).Dispose();
            model.SampleBackwards.Should().Be(0);
            return model.SampleForwards;
        }
        Spent(checks: false).Should().Be(Count);
        Spent(checks: false, 0.1, 0.2, 0.3).Should().Be(Count, "the points of the curve know the answers");
        Spent(checks: true).Should().Be(Count + (4 + 2) * Math.Min(batchSize, Count), "four repetitions, inference mode, and once more after it");
    }

    [Fact]
    public void Evaluator_WithoutAttack_HasNoSummary()
    {
        using var model = TinyModels.Linear(Classes, dtype: ScalarType.Float32);
        using var data = Data(model);
        RobustnessEvaluator.Evaluate(model, data).Attacks.Should().BeEmpty();
    }

    [Fact]
    public void ForeignAttack_ThatIsCounted_LeavesNoTensorBehind()
    {
        using var model = TinyModels.Linear(Classes, dtype: ScalarType.Float32);
        using var data = Data(model);
        LeakAssert.None(() => RobustnessEvaluator.Evaluate(model, data, new Climber(_threat, passes: 2), new() { BatchSize = 2 }));
    }

    private static ImageDataset Data(LinearModel model)
    {
        using var scope = NewDisposeScope();
        var bytes = TinyModels.Random([Count, 1, 4, 4], 1, high: 256).to(ScalarType.Byte);
        var labels = model.call(Pixels(bytes)).argmax(1);
        return new ImageDataset(bytes.MoveToOuterDisposeScope(), labels.MoveToOuterDisposeScope());
    }

    private static Tensor Pixels(Tensor bytes) => bytes.to(ScalarType.Float32) / 255;

    /// <summary>Follows gradients by itself and finds nothing.</summary>
    private sealed class Climber(ThreatModel threat, int passes) : IAttack
    {
        public string Name => "foreign";

        public ThreatModel Threat => threat;

        public Tensor Perturb(IModule model, Tensor images, Tensor labels, AttackContext? context = null)
        {
            for (var pass = 0; pass < passes; pass++)
            {
                using var scope = NewDisposeScope();
                using var grad = enable_grad();
                var leaf = images.detach().clone().requires_grad_();
                nn.functional.cross_entropy(model.call(leaf), labels).backward(inputs: [leaf]);
                leaf.grad!.abs().sum().ToDouble().Should().BePositive();
            }
            return images.clone();
        }
    }

    /// <summary>Hands its work to an attack of the library.</summary>
    private sealed class Passing(IAttack inner) : IAttack
    {
        public string Name => "passing";

        public ThreatModel Threat => inner.Threat;

        public Tensor Perturb(IModule model, Tensor images, Tensor labels, AttackContext? context = null) => inner.Perturb(model, images, labels, context);
    }
}
