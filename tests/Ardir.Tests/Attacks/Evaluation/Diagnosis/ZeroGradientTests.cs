using Ardir.Attacks;
using Ardir.Core;
using Microsoft.Extensions.Logging;

namespace Ardir.Tests;

/// <summary>An attack that could not move says for how many images, whatever the attack and whoever runs it.</summary>
public sealed class ZeroGradientTests : IDisposable
{
    private const int Count = 32;
    private const double Loudness = 300;   // margins above 0.35 leave no gradient in float32

    private static readonly ThreatModel _threat = ThreatModel.Linf(0.1);
    private static readonly ThreatModel _tiny = ThreatModel.Linf(1e-5);   // no start in it crosses a boundary

    /// <summary>Attacks that start at the image and climb the cross-entropy.</summary>
    private static readonly Dictionary<string, Func<IAttack>> _crossEntropy = new()
    {
        ["FGSM"] = () => new FgsmAttack(_threat),
        ["MI-FGSM"] = () => new MiFgsmAttack(_threat),
        ["PGD"] = () => Pgd(),
        ["PGD, all directions"] = () => Pgd(new() { SparseFraction = 1 }),
        ["PGD, best loss"] = () => Pgd(new() { Selection = PgdSelection.BestLoss }),
        ["PGD, first success"] = () => Pgd(new() { Selection = PgdSelection.FirstSuccess }),
        ["PGD, EoT"] = () => new EotAttack(Pgd(), 2),
        ["somebody's own"] = () => new ProbeAttack(_threat, run => (run.Images + 0.1 * run.With(AttackLoss.CrossEntropy).Gradient(run.Images).Gradient.sign()).clamp(0, 1)),
        ["somebody's own, narrowed"] = () => new ProbeAttack(_threat, Narrowing),
        ["chain"] = () => new WorstCaseAttack("chain", new FgsmAttack(_threat), Pgd()),
    };

    /// <summary>Attacks on the margin, or on differences of logits.</summary>
    private static readonly Dictionary<string, Func<IAttack>> _others = new()
    {
        ["PGD"] = () => new PgdAttack(_tiny, new() { Loss = AttackLoss.Margin }),
        ["APGD-CE"] = () => new ApgdAttack(_tiny, new() { Search = new() { Iterations = 5 } }),
        ["APGD-DLR"] = () => new EotAttack(new ApgdAttack(_tiny, new() { Search = new() { Iterations = 5 }, Loss = AttackLoss.Dlr }), 2),
        ["APGD-T"] = () => new TargetedApgdAttack(_tiny, new() { Search = new() { Iterations = 5 } }),
        ["FAB"] = () => new FabAttack(_tiny, new() { Iterations = 5 }),
        ["FAB-T"] = () => new TargetedFabAttack(_tiny, new() { Search = new() { Iterations = 5 } }),
        ["DeepFool"] = () => new DeepFoolAttack(ThreatModel.L2(1e-5)),
        ["CW"] = () => new CarliniWagnerAttack(ThreatModel.L2(1e-5), new() { SearchSteps = 2, Iterations = 5, LearningRate = 0.1 }),
        ["chain"] = () => new WorstCaseAttack("chain", new PgdAttack(_tiny), new ApgdAttack(_tiny, new() { Search = new() { Iterations = 5 }, Loss = AttackLoss.Dlr })),
    };

    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string> CrossEntropy => [.. _crossEntropy.Keys];

    public static TheoryData<string> Others => [.. _others.Keys];

    [Theory, MemberData(nameof(CrossEntropy))]
    public void Perturb_LogitsTooLarge_WarnsOfExactlyTheImagesWithoutAGradient(string attack)
    {
        using var scope = NewDisposeScope();
        var (net, images, labels) = World();
        var stuck = Stuck(net, images, labels);
        stuck.Should().BeInRange(Count / 2, Count - 1, "some images are near the boundary");
        Warning(_crossEntropy[attack](), new FuncModel(x => net.call(x) * Loudness, net), images, labels)
            .Should().Contain($"for {stuck} of {Count} images").And.Contain("exactly zero").And.Contain("AttackLoss.Margin or AttackLoss.Dlr");
        Warning(_crossEntropy[attack](), net, images, labels).Should().BeEmpty("the same model with logits of a usual size is honest");
    }

    [Theory, MemberData(nameof(Others))]
    public void Perturb_RoundedLogits_WarnsOfEveryImageThatIsRight(string attack)
    {
        using var scope = NewDisposeScope();
        var (net, images, _) = World();
        using var rounded = new FuncModel(x => (net.call(x) * 64).round() / 64, net);
        var labels = Predictions.Of(rounded.call(images));
        labels[0] = (labels[0] + 1).remainder(4);
        Warning(_others[attack](), rounded, images, labels).Should().Contain($"for {Count - 1} of {Count} images");
        Warning(_others[attack](), net, images, labels).Should().BeEmpty();
    }

    [Fact]
    public void Perturb_ChainWhoseSecondAttackBreaksWhatTheFirstCouldNot_WarnsOfNothing()
    {
        using var scope = NewDisposeScope();
        var (net, images, labels) = World();
        using var loud = new FuncModel(x => net.call(x) * Loudness, net);
        var wide = ThreatModel.Linf(0.5);
        Warning(new WorstCaseAttack("chain", new FgsmAttack(wide), new FgsmAttack(wide, new() { Loss = AttackLoss.Margin })), loud, images, labels).Should().BeEmpty();
        Warning(new FgsmAttack(wide), loud, images, labels).Should().NotBeEmpty();
    }

    [Fact]
    public void Perturb_LargeGradientsInHalfPrecision_AreNeitherInfiniteNorZero()
    {
        using var scope = NewDisposeScope();
        using var net = TinyModels.Linear(dtype: ScalarType.Float16);
        // Each value is a number in float16, the sum of their sizes is not.
        using var steep = new FuncModel(x => net.call(x) * 8000, net);
        var images = TinyModels.Images(4, ScalarType.Float16, low: 0.2, high: 0.8);
        var labels = Predictions.Of(net.call(images));
        var attack = new FgsmAttack(_threat, new() { Loss = AttackLoss.Margin });
        Warning(attack, steep, images, labels).Should().BeEmpty();
        TensorAssert.Same(attack.Perturb(steep, images, labels), attack.Perturb(net, images, labels));
    }

    [Fact]
    public void Perturb_WithoutALogger_MakesNoPassMore()
    {
        using var scope = NewDisposeScope();
        var (net, images, labels) = World();
        var model = new CountingModel(new FuncModel(x => net.call(x) * Loudness, net));
        Pgd().Perturb(model, images, labels);
        model.SampleForwards.Should().Be(Count * 10);
        model.Forwards.Clear();
        Pgd().Perturb(model, images, labels, new AttackContext { Logger = new ListLogger() });
        model.SampleForwards.Should().Be(Count * 10 + Stuck(net, images, labels), "only the images in doubt are looked at again");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(64)]
    public void Evaluator_LogitsTooLarge_FindsExactlyTheImagesWithoutAGradient(int batchSize)
    {
        using var scope = NewDisposeScope();
        var (net, data) = ByteWorld();
        var (images, labels) = data.Batch([.. Enumerable.Range(0, Count).Select(i => (long)i)]);
        var stuck = Stuck(net, images, labels);
        var logger = new ListLogger();
        using var loud = new FuncModel(x => net.call(x) * Loudness, net);
        var result = RobustnessEvaluator.Evaluate(loud, data, Pgd(), new() { BatchSize = batchSize, Context = new AttackContext { Logger = logger } });
        var finding = result.Findings.Should().ContainSingle().Which;
        (finding.Kind, finding.Images).Should().Be((FindingKind.ZeroGradient, stuck));
        finding.Message.Should().Contain($"For {stuck} of {Count} images").And.Contain("PGD-10").And.Contain("AttackLoss.Margin or AttackLoss.Dlr");
        logger.Entries.Should().ContainSingle().Which.Level.Should().Be(LogLevel.Warning);
        result.RobustAccuracy.Should().Be(stuck / (double)Count, "false robustness");

        RobustnessEvaluator.Evaluate(net, data, Pgd(), new() { BatchSize = batchSize }).Findings.Should().BeEmpty();
        RobustnessEvaluator.Evaluate(loud, data, Pgd(new() { Loss = AttackLoss.Margin }), new() { BatchSize = batchSize }).Findings.Should().BeEmpty("this loss helps");
        RobustnessEvaluator.Evaluate(loud, data, Pgd(new() { Loss = AttackLoss.Dlr }), new() { BatchSize = batchSize }).Findings.Should().BeEmpty("and this");
        RobustnessEvaluator.Evaluate(loud, data, null, new() { BatchSize = batchSize }).Findings.Should().BeEmpty("nobody asked for a gradient");
    }

    [Fact]
    public void Evaluator_SaturatedSoftmax_FindsTheImagesWhateverTheLoss()
    {
        using var scope = NewDisposeScope();
        var (net, data) = ByteWorld();
        using var saturated = new FuncModel(x => (net.call(x) * Loudness).softmax(1), net);
        foreach (var loss in new[] { AttackLoss.CrossEntropy, AttackLoss.Margin, AttackLoss.Dlr })
        {
            var result = RobustnessEvaluator.Evaluate(saturated, data, Pgd(new() { Loss = loss }));
            result.Findings.Select(finding => finding.Kind).Should().Equal(FindingKind.Probabilities, FindingKind.ZeroGradient);
            result.Findings[1].Images.Should().Be(result.Robust.Count(robust => robust)).And.BeGreaterThan(Count / 2);
        }
        using var mild = new FuncModel(x => net.call(x).softmax(1), net);
        RobustnessEvaluator.Evaluate(mild, data, Pgd()).Findings.Select(finding => finding.Kind).Should().Equal(FindingKind.Probabilities);
    }

    public static TheoryData<string, bool> Ensembles => new() { { "PGD", false }, { "PGD", true }, { "APGD and Square", false }, { "APGD and Square", true }, { "chain", true } };

    [Theory, MemberData(nameof(Ensembles))]
    public void AutoAttack_CustomEnsemblesOnLogitsTooLarge_CountEachUnbrokenImageOnce(string attacks, bool diagnose)
    {
        using var scope = NewDisposeScope();
        var (net, images, labels) = World();
        using var loud = new FuncModel(x => net.call(x) * Loudness, net);
        var expected = -1;
        foreach (var batchSize in new[] { 5, 64 })
        {
            var logger = new ListLogger();
            using var report = Ensemble(attacks, batchSize, diagnose).Evaluate(loud, images, labels, new AttackContext { Logger = logger });
            var finding = report.Findings.Should().ContainSingle(finding => finding.Kind == FindingKind.ZeroGradient).Which;
            finding.Images.Should().Be(report.Robust.Count(robust => robust)).And.BePositive();
            finding.Message.Should().Contain($"For {finding.Images} of {Count} images").And.Contain(report.Attacks[0].Name);
            logger.Entries.Should().ContainSingle(entry => entry.Message.Contains("exactly zero")).Which.Level.Should().Be(LogLevel.Warning);
            report.Attacks[0].ZeroGradients.Should().BeGreaterThanOrEqualTo(finding.Images!.Value);
            if (expected >= 0) finding.Images.Should().Be(expected, "the count does not depend on the batch size");
            expected = finding.Images.Value;
        }
        using var honest = Ensemble(attacks, 64, diagnose).Evaluate(net, images, labels);
        honest.Findings.Should().NotContain(finding => finding.Kind == FindingKind.ZeroGradient);
        honest.Attacks.Should().OnlyContain(attack => attack.ZeroGradients == 0);
    }

    [Fact]
    public void AutoAttack_StandardOnLogitsTooLarge_BreaksWhatCrossEntropyCouldNotAndHasNoDoubt()
    {
        using var scope = NewDisposeScope();
        var (net, images, labels) = World();
        using var loud = new FuncModel(x => net.call(x) * Loudness, net);
        using var report = new AutoAttack(ThreatModel.Linf(0.5)).Evaluate(loud, images, labels);
        report.RobustAccuracy.Should().Be(0);
        report.Findings.Should().NotContain(finding => finding.Kind == FindingKind.ZeroGradient);
        report.Attacks[0].ZeroGradients.Should().BePositive("APGD on the cross-entropy could not move");
        report.SaveJson(_folder.File("r.json"));
        JsonReport.Read(_folder.File("r.json")).Attacks[0].ZeroGradients.Should().Be(report.Attacks[0].ZeroGradients);
    }

    [Fact]
    public void AutoAttack_InAnEvaluator_PassesItsDoubtOn()
    {
        using var scope = NewDisposeScope();
        var (net, data) = ByteWorld();
        using var loud = new FuncModel(x => net.call(x) * Loudness, net);
        var result = RobustnessEvaluator.Evaluate(loud, data, Ensemble("PGD", 5, diagnose: false), new() { BatchSize = 12 });
        result.Findings.Should().ContainSingle(finding => finding.Kind == FindingKind.ZeroGradient)
            .Which.Images.Should().Be(result.Robust.Count(robust => robust)).And.BePositive();
    }

    [Fact]
    public void AutoAttack_GoingOnFromAnyRecord_EndsWithTheSameFindings()
    {
        using var scope = NewDisposeScope();
        var (net, images, labels) = World();
        using var loud = new FuncModel(x => net.call(x) * Loudness, net);
        var path = _folder.File("run.state");
        RobustnessReport Run() => Ensemble("APGD and Square", 5, diagnose: false, path).Evaluate(loud, images, labels);
        using var whole = Run();
        whole.Findings.Should().ContainSingle(finding => finding.Kind == FindingKind.ZeroGradient);
        var bytes = File.ReadAllBytes(path);
        foreach (var share in new[] { 0.3, 0.5, 0.8, 1.0 })
        {
            File.WriteAllBytes(path, bytes[..(int)(bytes.Length * share)]);
            using var resumed = Run();
            resumed.Findings.Should().Equal(whole.Findings);
            resumed.Attacks.Select(attack => attack.ZeroGradients).Should().Equal(whole.Attacks.Select(attack => attack.ZeroGradients));
            resumed.Robust.Should().Equal(whole.Robust);
        }
    }

    [Fact]
    public void Evaluations_OfModelsInDoubt_LeaveNoTensorBehind()
    {
        using var scope = NewDisposeScope();
        var (net, images, labels) = World();
        var (_, data) = ByteWorld();
        var logger = new AttackContext { Logger = new ListLogger() };
        using var loud = new FuncModel(x => net.call(x) * Loudness, net);
        LeakAssert.None(() =>
        {
            Pgd(new() { Selection = PgdSelection.FirstSuccess }).Perturb(loud, images, labels, logger).Dispose();
            _crossEntropy["chain"]().Perturb(loud, images, labels, logger).Dispose();
            RobustnessEvaluator.Evaluate(loud, data, Pgd(), new EvaluationOptions { Checks = EvaluationChecks.All, BatchSize = 20 });
            Ensemble("APGD and Square", 20, diagnose: true).Evaluate(loud, images, labels).Dispose();
        }, runs: 1);
    }

    public void Dispose() => _folder.Dispose();

    private static (LinearModel Net, Tensor Images, Tensor Labels) World()
    {
        var net = TinyModels.Linear(dtype: ScalarType.Float32);
        net.eval();
        var images = TinyModels.Images(Count, low: 0.1, high: 0.9);
        return (net, images, net.call(images).argmax(1).detach());
    }

    private static (LinearModel Net, ImageDataset Data) ByteWorld()
    {
        var net = TinyModels.Linear(dtype: ScalarType.Float32);
        var pixels = TinyModels.Random([Count, 1, 4, 4], 3, ScalarType.Byte, 30, 226);
        return (net, new ImageDataset(pixels, net.call(pixels.to(ScalarType.Float32) / 255).argmax(1).detach(), ["0", "1", "2", "3"]));
    }

    /// <summary>How many images have a gradient of exactly zero, one by one and by the formula of the cross-entropy: softmax minus one-hot.</summary>
    private static int Stuck(LinearModel net, Tensor images, Tensor labels)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var toLogits = (net.call(images) * Loudness).softmax(1) - nn.functional.one_hot(labels, 4);
        return TensorAssert.Values(toLogits.abs().amax(1)).Count(size => size == 0);
    }

    private static string Warning(IAttack attack, IModule model, Tensor images, Tensor labels)
    {
        var logger = new ListLogger();
        attack.Perturb(model, images, labels, new AttackContext { Logger = logger });
        logger.Entries.Should().HaveCountLessThan(2).And.NotContain(entry => entry.Level != LogLevel.Warning);
        return logger.Entries.Count == 0 ? "" : logger.Entries[0].Message;
    }

    private static Tensor Narrowing(AttackRun run)
    {
        var result = run.Images.clone();
        run = run.With(AttackLoss.CrossEntropy);
        // Backwards and in two parts, so that positions matter.
        foreach (var rows in new[] { arange(run.Count - 1, 4, -1), arange(4, -1, -1) })
        {
            var part = run.Select(rows).Select(arange(rows.numel() - 1, -1, -1));
            result.index_copy_(0, rows.flip(0), (part.Images + 0.1 * part.Gradient(part.Images).Gradient.sign()).clamp(0, 1));
        }
        return result;
    }

    private static PgdAttack Pgd(PgdOptions? options = null) => new(_threat, (options ?? new()) with { Start = RandomStart.None });

    private static AutoAttack Ensemble(string attacks, int batchSize, bool diagnose, string? path = null) => new(_threat, new()
    {
        Version = AutoAttackVersion.Custom,
        Attacks = attacks switch
        {
            "PGD" => [Pgd()],
            "chain" => [_crossEntropy["chain"]()],
            _ => [new ApgdAttack(_threat, new() { Search = new() { Iterations = 10 } }), new SquareAttack(_threat, new() { Queries = 5 })],
        },
        BatchSize = batchSize,
        Diagnose = diagnose,
        StatePath = path,
    });
}
