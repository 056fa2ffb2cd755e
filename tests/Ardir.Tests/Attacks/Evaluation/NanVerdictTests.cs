using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>NaN is a wrong answer: on a clean image it is misclassified, within the threat set it is broken, in every evaluation alike; other images do not notice.</summary>
public sealed class NanVerdictTests
{
    private const double Epsilon = 0.1;

    private static readonly ThreatModel _threat = ThreatModel.Linf(Epsilon);
    private static readonly ThreatModel _l2 = ThreatModel.L2(Epsilon);

    /// <summary>Pixels a and b; class 0 when a is larger. No image can be broken but by a NaN, which <see cref="Model"/> answers where b is in a band. Image 0 is in it,
    /// image 1 gets into it, image 2 cannot, image 3 neither.</summary>
    private static readonly double[] _pixels = [1, 0.42, 1, 0.36, 1, 0.2, 0.7, 0.05];

    private static readonly Dictionary<string, Func<IAttack>> _attacks = new()
    {
        ["FGSM"] = () => new FgsmAttack(_threat, new() { StepSize = 0.06 }),
        ["MI-FGSM"] = () => new MiFgsmAttack(_threat, new() { Steps = 5 }),
        ["PGD, beyond the band in the end"] = () => Pgd(_threat, new()),
        ["PGD L2"] = () => Pgd(_l2, new()),
        ["PGD, best loss"] = () => Pgd(_threat, new() { Selection = PgdSelection.BestLoss }),
        ["PGD, first success"] = () => Pgd(_threat, new() { Selection = PgdSelection.FirstSuccess }),
        ["PGD, restarts, wide band"] = () => new PgdAttack(_threat, new() { Restarts = 2 }),
        ["APGD, wide band"] = () => new ApgdAttack(_threat, new() { Search = new() { Iterations = 20 } }),
        ["Square, wide band"] = () => new SquareAttack(_threat, new() { Queries = 3, Restarts = 8 }),   // windows are empty in images of one row: only the stripes of each start move
        ["CW"] = () => new CarliniWagnerAttack(_l2, new() { SearchSteps = 1, Iterations = 20, InitialConstant = 100 }),
        ["chain"] = () => new WorstCaseAttack("chain", new FgsmAttack(_threat, new() { StepSize = 1e-3 }), Pgd(_threat, new())),
        ["ensemble"] = () => Ensemble(Pgd(_threat, new()), 2, diagnose: false),
    };

    public static TheoryData<string> Attacks => [.. _attacks.Keys];

    [Theory, MemberData(nameof(Attacks))]
    public void Evaluator_NanWithinReach_CountsAsBroken(string name)
    {
        using var scope = NewDisposeScope();
        using var model = Model(to: Band(name));
        using var data = Data();
        foreach (var batchSize in new[] { 1, 3, 8 })
        {
            var result = RobustnessEvaluator.Evaluate(model, data, _attacks[name](), new() { BatchSize = batchSize });
            result.Correct.Should().Equal(false, true, true, true);
            result.Robust.Should().Equal(false, false, true, true);
            var finding = result.Findings.Should().ContainSingle(finding => finding.Kind == FindingKind.NanLogits).Which;
            finding.Images.Should().Be(2);
            finding.Message.Should().Contain("1 of 4 clean images").And.Contain("For 1 of 4 images an attack found");
        }
        using var honest = Model(nan: false);
        var expected = RobustnessEvaluator.Evaluate(honest, data, _attacks[name](), new() { BatchSize = 3 });
        expected.Robust.Should().Equal(true, true, true, true);
        expected.Findings.Should().BeEmpty();
    }

    [Theory, MemberData(nameof(Attacks))]
    public void AutoAttack_NanWithinReach_CountsAsBroken(string name)
    {
        using var scope = NewDisposeScope();
        using var model = Model(to: Band(name));
        using var data = Data();
        var (images, labels) = data.Batch([0, 1, 2, 3]);
        foreach (var batchSize in new[] { 1, 3, 8 })
        {
            using var report = Ensemble(_attacks[name](), batchSize, diagnose: batchSize == 3).Evaluate(model, images, labels);
            report.Correct.Should().Equal(false, true, true, true);
            report.Robust.Should().Equal(false, false, true, true);
            report.Predictions.Should().Equal(2, 2, 0, 0);
            report.Findings.Should().ContainSingle(finding => finding.Kind == FindingKind.NanLogits).Which.Images.Should().Be(2);
            TensorAssert.AllTrue(_threat.Contains(images, report.Adversarial));
            model.call(report.Adversarial)[1].isnan().any().ToBoolean().Should().BeTrue("the point that broke the image is kept");
        }
    }

    [Fact]
    public void Perturb_OnItsOwn_RefusesNanAsEver()
    {
        using var scope = NewDisposeScope();
        using var model = Model();
        using var data = Data();
        var (images, labels) = data.Batch([0, 1, 2, 3]);
        foreach (var name in _attacks.Keys.Where(name => name is not ("FGSM" or "ensemble")))
            _attacks[name]().Invoking(attack => attack.Perturb(model, images, labels)).Should().Throw<InvalidOperationException>(name).WithMessage("*NaN logits*");
    }

    [Fact]
    public void Evaluations_OnlyNan_AreZeroAndSayWhy()
    {
        using var scope = NewDisposeScope();
        using var model = new FuncModel(x => full(x.shape[0], 2, double.NaN));
        using var data = Data();
        var (images, labels) = data.Batch([0, 1, 2, 3]);
        var result = RobustnessEvaluator.Evaluate(model, data, Pgd(_threat, new()), new EvaluationOptions { Checks = EvaluationChecks.All });
        using var report = Ensemble(Pgd(_threat, new()), 8, diagnose: true).Evaluate(model, images, labels);
        (result.CleanAccuracy, result.RobustAccuracy, report.CleanAccuracy, report.RobustAccuracy).Should().Be((0, 0, 0, 0));
        foreach (var findings in new[] { result.Findings, report.Findings })
            findings.Should().ContainSingle(finding => finding.Kind == FindingKind.NanLogits).Which.Message.Should().Contain("4 of 4 clean images");
    }

    [Fact]
    public void Evaluations_ModelThatBreaksLater_AreNotEnded()
    {
        using var scope = NewDisposeScope();
        using var inner = TinyModels.Linear();
        var calls = 0;
        using var model = new FuncModel(x => ++calls > 9 ? inner.call(x) * double.NaN : inner.call(x));
        var images = TinyModels.Images(6, ScalarType.Float64);
        var attack = new AutoAttack(_threat, new() { Version = AutoAttackVersion.Custom, Attacks = [new ApgdAttack(_threat), new SquareAttack(_threat)] });
        using var report = attack.Evaluate(model, images, inner.call(images).argmax(1));
        report.RobustAccuracy.Should().Be(0);
        report.Findings.Should().Contain(finding => finding.Kind == FindingKind.NanLogits);
    }

    [Fact]
    public void Evaluations_NonFiniteGradient_ContinueAndReportIt()
    {
        using var scope = NewDisposeScope();
        using var inner = Model(nan: false);
        using var data = Data();
        // The root of zero, for the image whose second pixel is below 0.1.
        using var model = new FuncModel(x => inner.call(x) + ((x - x.detach()).abs().sum([1, 2, 3]) + (x[.., 0, 0, 1] > 0.1)).sqrt().unsqueeze(1), inner);
        Pgd(_threat, new()).Invoking(pgd => pgd.Perturb(model, data.Batch([0, 3]).Images, zeros(2, ScalarType.Int64))).Should().Throw<InvalidOperationException>().WithMessage("*gradient*NaN or infinite*");
        var result = RobustnessEvaluator.Evaluate(model, data, Pgd(_threat, new()));
        result.Robust.Should().Equal(true, true, true, true);
        result.Findings.Should().ContainSingle(finding => finding.Kind == FindingKind.BadGradient).Which.Images.Should().Be(1);
    }

    [Fact]
    public void Evaluations_WithNan_LeaveNoTensorBehind()
    {
        using var scope = NewDisposeScope();
        using var model = Model();
        using var data = Data();
        var (images, labels) = data.Batch([0, 1, 2, 3]);
        LeakAssert.None(() =>
        {
            RobustnessEvaluator.Evaluate(model, data, Pgd(_threat, new()), new() { BatchSize = 3 });
            using var report = Ensemble(Pgd(_threat, new()), 3, diagnose: true).Evaluate(model, images, labels);
            using var units = Ensemble(_attacks["APGD, wide band"](), 3, diagnose: false).Evaluate(model, images, labels);
        }, runs: 1);
    }

    [Fact]
    public void Verdict_NanRow_IsNoClassAtAll()
    {
        using var scope = NewDisposeScope();
        var logits = tensor(new[] { 1.0, 2, double.NaN, 1, 1, double.NegativeInfinity, double.PositiveInfinity, 3 }, [4, 2]);
        var (right, predicted) = Verdict.Read(logits, tensor(new long[] { 1, 1, 0, 0 }));
        predicted.Should().Equal(1, 2, 0, 0);
        right.Should().Equal(true, false, true, true);
        TensorAssert.Values(Verdict.IsBroken(logits, tensor(new long[] { 1, 1, 0, 0 }), null)).Should().Equal(0, 1, 0, 0);
        TensorAssert.Values(Verdict.IsBroken(logits, zeros(4, ScalarType.Int64), tensor(new long[] { 1, 1, 1, 0 }))).Should().Equal([1, 0, 0, 1], "a target is not reached by NaN");
    }

    private static FuncModel Model(bool nan = true, double to = 0.44)
    {
        var judge = new LinearModel(tensor(new[] { 1f, -1f, -1f, 1f }, [2, 2]), zeros(2));
        return new FuncModel(x => nan ? judge.call(x).masked_fill((x[.., 0, 0, 1] > 0.4).logical_and(x[.., 0, 0, 1] < to).unsqueeze(1), double.NaN) : judge.call(x), judge);
    }

    private static double Band(string attack) => attack.EndsWith("wide band", StringComparison.Ordinal) ? 0.6 : 0.44;

    private static ImageDataset Data()
    {
        var bytes = _pixels.Select(pixel => (byte)Math.Round(255 * pixel)).ToArray();
        return new ImageDataset(tensor(bytes, [4, 1, 1, 2]), zeros(4, dtype: ScalarType.Int64), ["left", "right"]);
    }

    private static PgdAttack Pgd(ThreatModel threat, PgdOptions options) => new(threat, options with { Steps = 10, StepSize = 0.03, Start = RandomStart.None });

    private static AutoAttack Ensemble(IAttack attack, int batchSize, bool diagnose) =>
        new(attack.Threat, new() { Version = AutoAttackVersion.Custom, Attacks = [attack], BatchSize = batchSize, Diagnose = diagnose });
}
