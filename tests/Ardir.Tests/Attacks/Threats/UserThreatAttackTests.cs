using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>Gradient attacks within threat models of one's own, against a linear model, whose optimum is known.</summary>
public sealed class UserThreatAttackTests
{
    private static readonly Dictionary<string, (Func<ThreatModel> Threat, long[] Shape, double Low, double High)> _threats = new()
    {
        ["mask on images"] = (() => new MaskThreat(TinyModels.Random([1, 4, 4], 9) > 0.5, 0.1), [1, 4, 4], 0, 1),
        ["mask on a table"] = (() => new MaskThreat(tensor(new[] { true, false, true, true, false, true }), 0.1), [6], 0, 1),
        ["mask on sequences"] = (() => new MaskThreat(TinyModels.Random([5, 3], 8) > 0.5, 0.1), [5, 3], 0, 1),
        ["patch"] = (() => new PatchThreat(1, 1, 2), [1, 4, 4], 0, 1),
        ["box [-1,1]"] = (() => new BoxThreat(0.2, -1, 1), [1, 4, 4], -1, 1),
        ["box on video"] = (() => new BoxThreat(20, 0, 255), [1, 2, 2, 3], 0, 255),
        ["columns of a table"] = (() => new ColumnThreat([-1, 0, 2], [1, 5, 3], [0.3, 2, 0.1]), [3], 0, 0),
        ["channels of images"] = (() => new ColumnThreat([0, 0, -1], [1, 1, 0], [0.05, 0.1, 0.3]), [3, 2, 2], 0, 0),
        ["Linf on a table"] = (() => ThreatModel.Linf(0.1), [6], 0, 1),
        ["Linf on sequences"] = (() => ThreatModel.Linf(0.1), [5, 3], 0, 1),
        ["Linf on video"] = (() => ThreatModel.Linf(0.1), [1, 2, 2, 3], 0, 1),
    };

    private static readonly Dictionary<string, Func<ThreatModel, IAttack>> _attacks = new()
    {
        ["FGSM"] = threat => new FgsmAttack(threat),
        ["MI-FGSM"] = threat => new MiFgsmAttack(threat, new MiFgsmOptions { Steps = 5 }),
        ["PGD"] = threat => new PgdAttack(threat, new PgdOptions { Steps = 12 }),
        ["PGD first success x2"] = threat => new PgdAttack(
            threat, new PgdOptions { Steps = 12, Restarts = 2, Selection = PgdSelection.FirstSuccess }),
        ["APGD"] = threat => new ApgdAttack(threat, new ApgdOptions { Search = new() { Iterations = 20 } }),
        ["APGD-T"] = threat => new TargetedApgdAttack(threat, new TargetedApgdOptions { Search = new() { Iterations = 20 } }),
        ["chain"] = threat => new WorstCaseAttack("chain", new FgsmAttack(threat), new ApgdAttack(threat, new ApgdOptions { Search = new() { Iterations = 20 } })),
        ["AutoAttack"] = threat => new AutoAttack(threat, new AutoAttackOptions
        {
            Version = AutoAttackVersion.Custom, BatchSize = 5, Diagnose = true,
            Attacks = [new FgsmAttack(threat), new ApgdAttack(threat, new ApgdOptions { Search = new() { Iterations = 20 } })],
        }),
    };

    public static TheoryData<string, string> Cases
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (var threat in _threats.Keys)
                foreach (var attack in _attacks.Keys) data.Add(threat, attack);
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Perturb_LinearModel_BreaksExactlyWhatTheOptimumBreaks(string row, string name)
    {
        using var scope = NewDisposeScope();
        var (create, shape, low, high) = _threats[row];
        var threat = create();
        const int Count = 16;
        var images = low == high
            ? threat.Clamp(TinyModels.Random([Count, .. shape], 3, ScalarType.Float64, -1, 5))
            : TinyModels.Random([Count, .. shape], 3, ScalarType.Float64, low, high);
        // Two classes with half of the images on either side. The logits do not grow with the box, or the cross-entropy would saturate.
        var slope = TinyModels.Random([1, .. shape], 4, ScalarType.Float64, -1, 1);
        Tensor Lead(Tensor x) => (x * slope).flatten(1).sum(1);
        var best = threat.Project(images, images + 1e3 * slope.sign());
        var worst = threat.Project(images, images - 1e3 * slope.sign());
        var border = Lead(images).median();
        using var model = new FuncModel(x => stack([zeros_like(Lead(x)), (Lead(x) - border) / (threat.Maximum - threat.Minimum)], 1));
        var labels = (Lead(images) > border).to(ScalarType.Int64);
        var breakable = where(labels == 0, Lead(best) > border, Lead(worst) <= border);

        var result = _attacks[name](threat).Perturb(model, images, labels);

        TensorAssert.AllTrue(threat.Contains(images, result));
        var broken = (Lead(result) > border).to(ScalarType.Int64) != labels;
        broken.data<bool>().ToArray().Should().Equal(breakable.data<bool>().ToArray());
        broken.data<bool>().ToArray().Should().Contain(true);
    }

    [Fact]
    public void Perturb_L0_ChangesTheValuesThatMatterMost()
    {
        using var scope = NewDisposeScope();
        var threat = new SparseThreat(3);
        var images = full([4, 1, 4, 4], 0.5, ScalarType.Float64);
        using var model = TinyModels.Linear(classes: 2);
        var labels = tensor(new long[] { 0, 1, 0, 1 });
        var slope = (model.Weight[1] - model.Weight[0]).detach();
        var (most, _) = slope.abs().topk(3);
        var result = new PgdAttack(threat, new PgdOptions { Steps = 10, Start = RandomStart.None }).Perturb(model, images, labels);
        TensorAssert.AllTrue(threat.Contains(images, result));
        TensorAssert.Close(threat.Distance(images, result), [3, 3, 3, 3], 0);
        // Each of them goes to the end of the box, half a unit away.
        var gain = ((result - images).flatten(1) * slope).sum(1);
        TensorAssert.Close(gain * 2 / most.sum(), [1, -1, 1, -1], 1e-12);
        TensorAssert.AllTrue(threat.Contains(images, new ApgdAttack(threat, new ApgdOptions { Search = new() { Iterations = 8 } }).Perturb(model, images, labels)));
    }

    [Fact]
    public void Constructor_AttackForNormBalls_SaysWhichAttacksCan()
    {
        var threat = new PatchThreat(0, 0, 2);
        foreach (var create in new Func<IAttack>[]
        {
            () => new FabAttack(threat), () => new TargetedFabAttack(threat), () => new SquareAttack(threat),
            () => new DeepFoolAttack(threat), () => new CarliniWagnerAttack(threat),
        })
            create.Should().Throw<ArgumentException>().WithMessage("*Patch(0, 0, 2)*PgdAttack*").WithParameterName("threat");
        FluentActions.Invoking(() => new AutoAttack(threat)).Should().Throw<ArgumentException>()
            .WithMessage("*FAB-T and Square*Patch(0, 0, 2)*Custom*ApgdAttack(threat)*");
        FluentActions.Invoking(() => new AutoAttack(threat, new AutoAttackOptions { Version = AutoAttackVersion.Plus }))
            .Should().Throw<ArgumentException>().WithMessage("*FAB, Square and FAB-T*");
        FluentActions.Invoking(() => new AutoAttack(threat, new AutoAttackOptions { Version = AutoAttackVersion.Rand, SecurityCurve = [0.1] }))
            .Should().Throw<ArgumentException>().WithMessage("*SecurityCurve*Patch(0, 0, 2)*");
        new AutoAttack(threat, new AutoAttackOptions { Version = AutoAttackVersion.Rand }).Threat.Should().Be(threat);
    }

    [Fact]
    public void Perturb_SquareOnATable_IsRefusedBeforeTheModelIsCalled()
    {
        using var scope = NewDisposeScope();
        var calls = 0;
        using var model = new FuncModel(x =>
        {
            calls++;
            return x;
        });
        var (rows, labels) = (full([4, 6], 0.5), zeros([4], ScalarType.Int64));
        var threat = ThreatModel.Linf(0.1);
        foreach (var attack in new IAttack[]
        {
            new SquareAttack(threat), new AutoAttack(threat), new WorstCaseAttack("chain", new FgsmAttack(threat), new SquareAttack(threat)),
        })
            attack.Invoking(a => a.Perturb(model, rows, labels)).Should().Throw<ArgumentException>().WithMessage("*[4,6]*Square*[N,C,H,W]*");
        calls.Should().Be(0);
    }

    [Theory]
    [InlineData("FAB")]
    [InlineData("DeepFool")]
    [InlineData("CW")]
    public void Perturb_NormBallOnATable_BreaksRows(string name)
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear(inputs: 6);
        var rows = TinyModels.Random([12, 6], 3);
        var labels = TinyModels.Predicted(model, rows);
        var threat = ThreatModel.L2(1);
        IAttack attack = name switch
        {
            "FAB" => new FabAttack(threat, new FabOptions { Iterations = 10, FinalSearch = true }),
            "DeepFool" => new DeepFoolAttack(threat),
            _ => new CarliniWagnerAttack(threat, new CarliniWagnerOptions { SearchSteps = 3, Iterations = 40, InitialConstant = 1, LearningRate = 0.1 }),
        };
        var result = attack.Perturb(model, rows, labels);
        TensorAssert.AllTrue(threat.Contains(rows, result));
        TensorAssert.AllTrue(model.call(result).argmax(1) != labels);
    }

    [Fact]
    public void Evaluate_StateOfAnotherMask_IsRefused()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = TinyModels.Linear(inputs: 3);
        var rows = TinyModels.Random([8, 3], 3);
        var labels = TinyModels.Predicted(model, rows);
        RobustnessReport Run(params bool[] mask)
        {
            var threat = new MaskThreat(tensor(mask), 0.1);
            return new AutoAttack(threat, new AutoAttackOptions
            {
                Version = AutoAttackVersion.Custom, Attacks = [new ApgdAttack(threat, new ApgdOptions { Search = new() { Iterations = 5 } })],
                StatePath = folder.File("mask.state"),
            }).Evaluate(model, rows, labels);
        }
        using var first = Run(true, false, true);
        using var again = Run(true, false, true);
        again.Robust.Should().Equal(first.Robust);
        TensorAssert.Same(again.Adversarial, first.Adversarial);
        FluentActions.Invoking(() => Run(true, true, false)).Should().Throw<InvalidOperationException>().WithMessage("*threat model: was 'MaskThreat Mask(*', is 'MaskThreat Mask(*");
        first.SaveHtml(folder.File("report.html"));
        first.SaveJson(folder.File("report.json"));
        File.ReadAllText(folder.File("report.json")).Should().Contain(first.Threat.ToString());
        first.SaveMarkdown(folder.File("report.md"));
        File.ReadAllText(folder.File("report.md")).Should().Contain("AutoAttack custom, Mask(");
    }

    [Fact]
    public void SaveHtml_ImagesOfAnotherBox_ShowsThemAsGreyLevels()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = TinyModels.Linear();
        var images = TinyModels.Random([8, 1, 4, 4], 3, ScalarType.Float64, -1, 1);
        var labels = TinyModels.Predicted(model, images);
        var threat = new BoxThreat(1, -1, 1);
        using var report = new AutoAttack(threat, new AutoAttackOptions
        {
            Version = AutoAttackVersion.Custom, Attacks = [new ApgdAttack(threat, new ApgdOptions { Search = new() { Iterations = 5 } })],
        }).Evaluate(model, images, labels);
        report.RobustAccuracy.Should().BeLessThan(report.CleanAccuracy);
        report.SaveHtml(folder.File("report.html"));
        File.ReadAllText(folder.File("report.html")).Should().Contain("data:image/png").And.Contain("Box(1, -1, 1)");
    }

    [Theory]
    [InlineData(6)]
    [InlineData(2, 3)]
    [InlineData(1, 3, 1, 2)]
    public void Evaluate_TensorsOfAnyShape_CountsWhatTheAttackBreaks(params int[] shape)
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear(inputs: 6);
        var inputs = TinyModels.Random([20, .. shape], 3, ScalarType.Float64, 0, 1);
        var labels = TinyModels.Predicted(model, inputs);
        var attack = new PgdAttack(ThreatModel.Linf(0.1));
        foreach (var diagnose in new[] { false, true })
        {
            var result = RobustnessEvaluator.Evaluate(model, inputs, labels, attack, new EvaluationOptions { BatchSize = 7, Checks = diagnose ? EvaluationChecks.All : EvaluationChecks.Free });
            result.CleanAccuracy.Should().BeApproximately(0.95, 1e-12);
            var broken = model.call(attack.Perturb(model, inputs, labels)).argmax(1) == labels;
            result.Robust.Should().Equal(broken.data<bool>().ToArray());
        }
        RobustnessEvaluator.Evaluate(model, inputs, labels, attack: null).RobustAccuracy.Should().BeApproximately(0.95, 1e-12);
        LeakAssert.None(() => RobustnessEvaluator.Evaluate(model, inputs, labels, attack));
    }

    [Fact]
    public void Evaluate_BadTensors_AreRefusedBeforeAnyWork()
    {
        using var scope = NewDisposeScope();
        using var model = new FuncModel(_ => throw new InvalidOperationException("called"));
        var (rows, labels) = (full([4, 6], 2.0), zeros([4], ScalarType.Int64));
        RobustnessResult Run(Tensor inputs, Tensor classes, IAttack? attack) => RobustnessEvaluator.Evaluate(model, inputs, classes, attack);
        FluentActions.Invoking(() => Run(rows, labels, new PgdAttack(ThreatModel.Linf(0.1)))).Should().Throw<ArgumentException>().WithMessage("inputs*2 to 2*");
        FluentActions.Invoking(() => Run(rows / 4, labels[..3], null)).Should().Throw<ArgumentException>().WithMessage("labels*[3]*[4]*");
        FluentActions.Invoking(() => Run(rows / 4, labels, new SquareAttack(ThreatModel.Linf(0.1)))).Should().Throw<ArgumentException>().WithMessage("*[4,6]*Square*");
        FluentActions.Invoking(() => Run(rows[0], labels, null)).Should().Throw<ArgumentException>().WithMessage("inputs has shape [6]*");
    }
}
