using System.Globalization;
using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>Odd models and odd options, which must end in a result or in words of the library, never in an error of the native one.</summary>
public sealed class OddModelTests : IDisposable
{
    private static readonly ThreatModel _threat = ThreatModel.Linf(0.1);
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void Evaluate_AllImagesInOneBatchOfTheLargestSize_Works()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear();
        var accuracies = new[] { 4, 9, int.MaxValue }.Select(size =>
        {
            using var report = new AutoAttack(_threat, Fast() with { BatchSize = size }).Evaluate(model, Images(), Labels(model));
            return report.RobustAccuracy;
        });
        accuracies.Distinct().Should().ContainSingle();
    }

    public static TheoryData<ScalarType> NoLogits => [ScalarType.Int64, ScalarType.Bool, ScalarType.ComplexFloat64];

    [Theory]
    [MemberData(nameof(NoLogits))]
    public void Evaluate_LogitsOfAnotherKind_AreRefused(ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        using var linear = TinyModels.Linear();
        using var model = new FuncModel(x => linear.call(x).to(dtype), linear);
        FluentActions.Invoking(() => new AutoAttack(_threat, Fast()).Evaluate(model, Images(), Labels(linear)))
            .Should().Throw<InvalidOperationException>().WithMessage($"*returned {dtype} [9,4]*expected floating-point logits [9,K]*");
    }

    [Theory]
    [InlineData(0, "*no value per image*")]
    [InlineData(1, "*one value per image*[-s, s]*")]
    public void Evaluate_FewerThanTwoClasses_AreRefused(int classes, string says)
    {
        using var scope = NewDisposeScope();
        using var linear = TinyModels.Linear();
        using var model = new FuncModel(x => linear.call(x).narrow(1, 0, classes), linear);
        FluentActions.Invoking(() => new AutoAttack(_threat, Fast()).Evaluate(model, Images(), zeros([9], ScalarType.Int64)))
            .Should().Throw<InvalidOperationException>().WithMessage(says);
    }

    [Fact]
    public void Evaluate_OtherClassesInALaterBatch_AreNamed()
    {
        using var scope = NewDisposeScope();
        using var linear = TinyModels.Linear();
        using var model = new FuncModel(x => linear.call(x).narrow(1, 0, x.shape[0] < 4 ? 3 : 4), linear);
        FluentActions.Invoking(() => new AutoAttack(_threat, Fast() with { BatchSize = 4 }).Evaluate(model, Images(), zeros([9], ScalarType.Int64)))
            .Should().Throw<InvalidOperationException>().WithMessage("*3 classes*4 before*from 8 on*");
    }

    [Fact]
    public void Evaluate_ModelThatKeepsItsAnswer_IsNotDisposedOfIt()
    {
        using var scope = NewDisposeScope();
        using var linear = TinyModels.Linear();
        var images = Images();
        var kept = linear.call(images).detach();
        using var model = new FuncModel(x => x.shape[0] == 9 ? kept : linear.call(x), linear);
        using var report = new AutoAttack(_threat, Fast()).Evaluate(model, images, Labels(linear));
        kept.IsInvalid.Should().BeFalse();
    }

    [Fact]
    public void Evaluate_ModelThatKeepsItsInput_CanStillBeDifferentiated()
    {
        using var scope = NewDisposeScope();
        using var linear = TinyModels.Linear();
        var last = ones([1, 1, 4, 4], ScalarType.Float64).DetachFromDisposeScope();
        using var model = new FuncModel(
            x =>
            {
                var logits = linear.call(x * last);
                last.Dispose();
                last = (0 * x.detach().narrow(0, 0, 1) + 1).DetachFromDisposeScope();
                return logits;
            },
            linear);
        var act = () => new AutoAttack(_threat, Fast()).Perturb(model, Images(), Labels(linear));
        act.Should().NotThrow();
        last.Dispose();
    }

    [Fact]
    public void Evaluate_NoiseNextToANanImage_IsStillSeen()
    {
        using var scope = NewDisposeScope();
        using var linear = TinyModels.Linear();
        using var generator = new Generator(3);
        using var model = new FuncModel(x => linear.call(x) + randn([x.shape[0], 4], generator: generator) * 1e-2 + where(x.flatten(1).sum(1) < 7, double.NaN, 0.0).unsqueeze(1), linear);
        var images = Images();
        images[2] = 0.1;
        using var report = new AutoAttack(_threat, new AutoAttackOptions { Version = AutoAttackVersion.Custom, Attacks = [new ForeignlyIdle(_threat)] })
            .Evaluate(model, images, Labels(linear));
        report.Findings.Select(finding => finding.Kind).Should().Contain([FindingKind.Randomized, FindingKind.NanLogits]);
    }

    [Fact]
    public void Evaluate_ModelThatFailsOnlyInTheLastChecks_KeepsItsResult()
    {
        using var scope = NewDisposeScope();
        using var linear = TinyModels.Linear();
        var (attacked, logger) = (false, new ListLogger());
        using var model = new FuncModel(x => attacked ? throw new InvalidDataException("on purpose") : linear.call(x), linear);
        using var report = new AutoAttack(_threat, Fast()).Evaluate(
            model, Images(), Labels(linear), new AttackContext { Logger = logger, Progress = new ListProgress<AttackProgress>(progress => attacked = progress.Evaluation is not null) });
        report.CleanAccuracy.Should().BePositive();
        logger.Entries.Should().Contain(entry => entry.Message.Contains("on purpose"));
    }

    [Theory]
    [InlineData(PerturbationNorm.Linf)]
    [InlineData(PerturbationNorm.L2)]
    [InlineData(PerturbationNorm.L1)]
    public void Evaluate_ClassRuledOutByInfinity_IsNoAim(PerturbationNorm norm)
    {
        using var scope = NewDisposeScope();
        using var linear = TinyModels.Linear();
        using var model = new FuncModel(x => cat([linear.call(x), full([x.shape[0], 1], double.NegativeInfinity, x.dtype)], 1), linear);
        var threat = norm switch { PerturbationNorm.Linf => _threat, PerturbationNorm.L2 => ThreatModel.L2(0.3), _ => ThreatModel.L1(1) };
        var options = Fast() with
        {
            Attacks = [new TargetedApgdAttack(threat, new TargetedApgdOptions { Search = new() { Iterations = 6 } }), new TargetedFabAttack(threat, new TargetedFabOptions { Search = new() { Iterations = 6 } }), new FabAttack(threat, new FabOptions { Iterations = 6 })],
        };
        using var report = new AutoAttack(threat, options).Evaluate(model, Images(), Labels(linear));
        using var without = new AutoAttack(threat, options).Evaluate(linear, Images(), Labels(linear));
        report.RobustAccuracy.Should().BeLessThanOrEqualTo(without.RobustAccuracy);
        report.Predictions.Should().NotContain(4);
    }

    [Fact]
    public void Dlr_TiedLogitsInHalfPrecision_HaveAGradient()
    {
        using var scope = NewDisposeScope();
        using var linear = TinyModels.Linear(dtype: ScalarType.Float16);
        using var model = new FuncModel(x => linear.call(x) * (x.flatten(1).sum(1) > 8).to(x.dtype).unsqueeze(1), linear);
        var (images, labels) = (TinyModels.Images(9, ScalarType.Float16), zeros([9], ScalarType.Int64));
        foreach (var attack in new IAttack[] { new ApgdAttack(_threat, new ApgdOptions { Search = new() { Iterations = 6 }, Loss = AttackLoss.Dlr }), new TargetedApgdAttack(_threat, new TargetedApgdOptions { Search = new() { Iterations = 6 } }) })
            TensorAssert.AllTrue(_threat.Contains(images, attack.Perturb(model, images, labels)));
    }

    [Theory]
    [InlineData(PerturbationNorm.L2)]
    [InlineData(PerturbationNorm.L1)]
    public void Perturb_LargestBudget_CoversTheBox(PerturbationNorm norm)
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear(dtype: ScalarType.Float32);
        ThreatModel Of(double epsilon) => norm == PerturbationNorm.L2 ? ThreatModel.L2(epsilon) : ThreatModel.L1(epsilon);
        var (threat, images) = (Of(1e9), TinyModels.Images(9));
        foreach (var attack in new IAttack[]
        {
            new FgsmAttack(threat), new PgdAttack(threat), new MiFgsmAttack(threat), new ApgdAttack(threat, new ApgdOptions { Search = new() { Iterations = 6 } }),
            new TargetedFabAttack(threat, new TargetedFabOptions { Search = new() { Iterations = 6 } }), new SquareAttack(threat, new SquareOptions { Queries = 30 }),
        })
            TensorAssert.AllTrue(threat.Contains(images, attack.Perturb(model, images, Labels(model, ScalarType.Float32))));
        FluentActions.Invoking(() => Of(2e9)).Should().Throw<ArgumentOutOfRangeException>().WithMessage("*at most 1E+009*covers the box*");
        FluentActions.Invoking(() => new AutoAttack(Of(1), new AutoAttackOptions { SecurityCurve = [2e9] })).Should().Throw<ArgumentException>();
    }

    [Fact]
    public void Report_WhoseScopeHasEnded_LivesOn()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear();
        RobustnessReport report;
        Tensor adversarial;
        using (NewDisposeScope())
        {
            report = new AutoAttack(_threat, Fast()).Evaluate(model, Images(), Labels(model));
            adversarial = report.Adversarial.clone().MoveToOuterDisposeScope();
        }
        using (report)
        {
            TensorAssert.Same(report.Adversarial, adversarial);
            TensorAssert.Same(report.Images, Images());
            report.Labels.shape.Should().Equal(report.Count);
            report.SaveHtml(_folder.File("r.html"));
            report.SaveMarkdown(_folder.File("r.md"));
            _folder.Names.Should().Equal("r.html", "r.md");
        }
        LeakAssert.None(() =>
        {
            using var inner = NewDisposeScope();
            new AutoAttack(_threat, Fast()).Evaluate(model, Images(), Labels(model)).Dispose();
        });
    }

    [Theory]
    [InlineData(0, "0:00:01")]
    [InlineData(23, "23:00:01")]
    [InlineData(30, "30:00:01")]
    [InlineData(100, "100:00:01")]
    public void Duration_OfDays_KeepsItsHours(int hours, string text) => ReportTables.Duration(new TimeSpan(hours, 0, 1)).Should().Be(text);

    [Fact]
    public void ThreatModel_InAnotherCulture_ReadsTheSame()
    {
        var before = CultureInfo.CurrentCulture;
        CultureInfo.CurrentCulture = new CultureInfo("") { NumberFormat = { NumberDecimalSeparator = "," } };
        try
        {
            ThreatModel.L2(0.5).ToString().Should().Be("L2(0.5)");
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    public void Dispose() => _folder.Dispose();

    private static AutoAttackOptions Fast() => new() { Version = AutoAttackVersion.Custom, Attacks = [new ApgdAttack(_threat, new ApgdOptions { Search = new() { Iterations = 6 } })] };

    private static Tensor Images() => TinyModels.Images(9, ScalarType.Float64);

    private static Tensor Labels(LinearModel model, ScalarType dtype = ScalarType.Float64) => TinyModels.Predicted(model, TinyModels.Images(9, dtype));

    private sealed class ForeignlyIdle(ThreatModel threat) : IAttack
    {
        public string Name => "idle";

        public ThreatModel Threat => threat;

        public Tensor Perturb(IModule model, Tensor images, Tensor labels, AttackContext? context = null) => images;
    }
}
