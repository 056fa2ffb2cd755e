using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>Models, images and versions of every kind in the ensemble.</summary>
public sealed class EnsembleModelTests
{
    public static TheoryData<AutoAttackVersion, PerturbationNorm, int> Versions()
    {
        var data = new TheoryData<AutoAttackVersion, PerturbationNorm, int>();
        foreach (var version in new[] { AutoAttackVersion.Standard, AutoAttackVersion.Plus, AutoAttackVersion.Rand })
            foreach (var norm in Enum.GetValues<PerturbationNorm>())
                // The attacks of 'plus' are those of the others, with more restarts: without the costly number of classes.
                foreach (var classes in version == AutoAttackVersion.Plus ? [2, 4] : new[] { 2, 3, 4, 12 }) data.Add(version, norm, classes);
        return data;
    }

    // On a linear model the truth is known: an image is robust exactly if no other class can overtake within the ball, box included for Linf.
    [Theory]
    [MemberData(nameof(Versions))]
    public void Evaluate_LinearModel_FindsExactlyTheTruth(AutoAttackVersion version, PerturbationNorm norm, int classes)
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear(classes);
        var images = TinyModels.Images(5, ScalarType.Float64, low: 0.45, high: 0.55);
        var labels = model.call(images).argmax(1);
        var gap = model.call(images).gather(1, labels.unsqueeze(1)) - model.call(images);
        var slope = model.Weight[labels].unsqueeze(1) - model.Weight;
        var dual = norm switch { PerturbationNorm.Linf => slope.abs().sum(2), PerturbationNorm.L2 => slope.square().sum(2).sqrt(), _ => slope.abs().amax(new long[] { 2 }) };
        var distances = TensorAssert.Values((gap / dual.clamp_min(1e-9)).masked_fill(dual < 1e-6, double.PositiveInfinity).amin(new long[] { 1 }));
        // Between the third and the fourth image, not too near to either; within the box around 1/2 for any norm.
        var sorted = distances.Order().ToArray();
        var epsilon = Math.Min((sorted[2] + sorted[3]) / 2, 0.44);
        var threat = Balls.Of(norm, epsilon);
        using var report = new AutoAttack(threat, new AutoAttackOptions { Version = version, Diagnose = false }).Evaluate(model, images, labels);
        // Without targets, as in 'rand', an attack may go for the wrong class; it still breaks nothing that cannot be broken.
        if (version == AutoAttackVersion.Rand) report.Robust.Zip(distances).All(pair => pair.First || pair.Second <= epsilon).Should().BeTrue();
        else report.Robust.Should().Equal(distances.Select(distance => distance > epsilon));
        report.CleanAccuracy.Should().Be(1);
        TensorAssert.AllTrue(threat.Contains(images, report.Adversarial));
        report.Attacks.Should().HaveCount(version switch { AutoAttackVersion.Standard => 4, AutoAttackVersion.Plus => 6, _ => 2 });
    }

    [Fact]
    public void Evaluate_ThousandClasses_Works()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear(1000, dtype: ScalarType.Float32);
        var images = TinyModels.Images(3);
        var labels = model.call(images).argmax(1);
        using var report = new AutoAttack(ThreatModel.Linf(0.3)).Evaluate(model, images, labels);
        report.RobustAccuracy.Should().Be(0);
        report.Attacks[1].Attacked.Should().BeLessThanOrEqualTo(3);
    }

    [Fact]
    public void Evaluate_TorchScriptModel_GivesTheSameAsTheModule()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear(dtype: ScalarType.Float32);
        using var script = jit.compile("def logits(x, weight, bias):\n    return torch.matmul(x.flatten(1), weight.t()) + bias\n");
        var images = TinyModels.Images(6);
        var labels = model.call(images).argmax(1);
        var attack = new AutoAttack(ThreatModel.Linf(0.03));
        using var plain = attack.Evaluate(model, images, labels);
        using var scripted = attack.Evaluate(new OpaqueModel(x => (Tensor)script.invoke("logits", x, model.Weight, model.Bias)), images, labels);
        scripted.Robust.Should().Equal(plain.Robust);
        scripted.Findings.Should().BeEmpty();
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 3)]
    [InlineData(7, 4)]
    public void Evaluate_OddImageSizes_Work(int height, int width)
    {
        using var scope = NewDisposeScope();
        foreach (var norm in Enum.GetValues<PerturbationNorm>())
        {
            using var model = TinyModels.Linear(5, 2 * height * width, ScalarType.Float32);
            var images = TinyModels.Random([3, 2, height, width], 4, ScalarType.Float32);
            var labels = model.call(images).argmax(1);
            var threat = Balls.Of(norm, 0.2);
            using var report = new AutoAttack(threat, Small(threat)).Evaluate(model, images, labels);
            TensorAssert.AllTrue(threat.Contains(images, report.Adversarial));
            var wrong = (model.call(report.Adversarial).argmax(1) != labels).data<bool>().ToArray();
            report.Robust.Should().Equal(wrong.Select(flag => !flag));
        }
    }

    [Theory]
    [InlineData(PerturbationNorm.Linf)]
    [InlineData(PerturbationNorm.L2)]
    [InlineData(PerturbationNorm.L1)]
    public void Evaluate_AnyBatchSize_GivesTheSame(PerturbationNorm norm)
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear();
        var images = TinyModels.Images(11, ScalarType.Float64);
        var labels = model.call(images).argmax(1);
        var threat = Balls.Of(norm, norm switch { PerturbationNorm.Linf => 0.05, PerturbationNorm.L2 => 0.25, _ => 0.7 });
        RobustnessReport Run(int batch) => new AutoAttack(threat, Small(threat) with { BatchSize = batch, Diagnose = false }).Evaluate(model, images, labels);
        using var whole = Run(11);
        whole.RobustAccuracy.Should().BeInRange(0.1, 0.9);
        foreach (var batch in new[] { 1, 3, 7, 256 })
        {
            using var report = Run(batch);
            report.Robust.Should().Equal(whole.Robust);
            report.BrokenBy.Should().Equal(whole.BrokenBy);
            (report.Adversarial - whole.Adversarial).abs().max().ToDouble().Should().BeLessThan(1e-9);
        }
    }

    [Fact]
    public void Evaluate_SomeOfTheImagesInAnyOrder_GivesEachItsOwnResult()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Smooth(dtype: ScalarType.Float64);
        var images = TinyModels.Images(10, ScalarType.Float64);
        var labels = TinyModels.Predicted(model, images);
        // Not Linf, where noise only decides the way to the corners of the ball.
        var threat = ThreatModel.L2(0.15);
        var attack = new AutoAttack(threat, Small(threat) with { BatchSize = 4 });
        using var whole = attack.Evaluate(model, images, labels);
        whole.RobustAccuracy.Should().BeInRange(0.1, 0.8);
        foreach (var rows in new long[][] { [3], [9, 8, 7, 6, 5, 4, 3, 2, 1, 0], [7, 0, 4, 2, 9] })
        {
            var at = tensor(rows);
            using var part = attack.Evaluate(model, images[at], labels[at], new AttackContext { SampleIndices = rows });
            part.Robust.Should().Equal(rows.Select(row => whole.Robust[(int)row]));
            part.BrokenBy.Should().Equal(rows.Select(row => whole.BrokenBy[(int)row]));
            part.Predictions.Should().Equal(rows.Select(row => whole.Predictions[(int)row]));
            TensorAssert.Close(part.Adversarial, whole.Adversarial[at], 1e-9);
        }
        // The numbers matter: without them the images are 0, 1, 2 ... and their noise is that of others.
        var reversed = arange(9, -1, -1);
        using var unnumbered = attack.Evaluate(model, images[reversed], labels[reversed]);
        TensorAssert.Different(unnumbered.Adversarial, whole.Adversarial[reversed]);
    }

    [Fact]
    public void Evaluate_ForeignAttack_IsToldTheNumbersOfItsImages()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear();
        var images = TinyModels.Images(5, ScalarType.Float64);
        var labels = model.call(images).argmax(1);
        labels[1] = (labels[1] + 1).remainder(4);
        var threat = ThreatModel.Linf(0.05);
        var told = new List<long[]>();
        var spy = new SpyAttack(threat, context => told.Add([.. context.SampleIndices!]));
        var attack = new AutoAttack(threat, new AutoAttackOptions { Version = AutoAttackVersion.Custom, Attacks = [spy], BatchSize = 3, Diagnose = false });
        attack.Evaluate(model, images, labels, new AttackContext { SampleIndices = [50, 40, 30, 20, 10] }).Dispose();
        attack.Evaluate(model, images, labels).Dispose();
        told.Should().BeEquivalentTo([[50, 30, 20], [10], [0, 2, 3], new long[] { 4 }], choose => choose.WithStrictOrdering());
    }

    [Fact]
    public void Evaluate_PixelsOutsideTheBox_NamesTheNormalisation()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear(dtype: ScalarType.Float32);
        var act = () => new AutoAttack(ThreatModel.Linf(0.1)).Evaluate(model, TinyModels.Images(2) * 3 - 1, zeros(2, ScalarType.Int64));
        act.Should().Throw<ArgumentException>().WithMessage("*[0,1]*").Which.Message.Should().Contain("Normalize");
    }

    [Fact]
    public void Evaluate_Cancelled_AnswersBeforeTheNextModelEvaluation()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear(dtype: ScalarType.Float32);
        var images = TinyModels.Images(6);
        var labels = model.call(images).argmax(1);
        foreach (var stopAt in new[] { 1, 2, 7, 20, 60, 200 })
        {
            using var stop = new CancellationTokenSource();
            var calls = 0;
            using var watching = new FuncModel(x =>
            {
                if (++calls == stopAt) stop.Cancel();
                return model.call(x);
            });
            var act = () => new AutoAttack(ThreatModel.Linf(0.001)).Evaluate(watching, images, labels, new AttackContext { CancellationToken = stop.Token });
            act.Should().Throw<OperationCanceledException>();
            calls.Should().BeLessThanOrEqualTo(stopAt + 1);
        }
    }

    private static AutoAttackOptions Small(ThreatModel threat) => new()
    {
        Version = AutoAttackVersion.Custom,
        Attacks =
        [
            new ApgdAttack(threat, new ApgdOptions { Search = new() { Iterations = 6 } }), new TargetedApgdAttack(threat, new TargetedApgdOptions { Search = new() { Iterations = 6 } }),
            new TargetedFabAttack(threat, new TargetedFabOptions { Search = new() { Iterations = 4 } }), new FabAttack(threat, new FabOptions { Iterations = 4 }), new SquareAttack(threat, new SquareOptions { Queries = 15 }),
        ],
    };

    private sealed class SpyAttack(ThreatModel threat, Action<AttackContext> tell) : IAttack
    {
        public string Name => "spy";

        public ThreatModel Threat => threat;

        public Tensor Perturb(IModule model, Tensor images, Tensor labels, AttackContext? context = null)
        {
            tell(context!);
            return images;
        }
    }
}
