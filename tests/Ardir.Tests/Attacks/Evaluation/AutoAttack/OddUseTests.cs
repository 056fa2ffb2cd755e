using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>Uses of the ensemble that nobody planned, and that are right all the same.</summary>
public sealed class OddUseTests : IDisposable
{
    private static readonly ThreatModel _threat = ThreatModel.Linf(0.05);

    private readonly TemporaryFolder _folder = new();

    [Theory]
    [InlineData(PerturbationNorm.Linf, 1e-12, 1)]
    [InlineData(PerturbationNorm.L2, 1e-12, 1)]
    [InlineData(PerturbationNorm.L1, 1e-12, 1)]
    [InlineData(PerturbationNorm.Linf, 1, 0)]
    [InlineData(PerturbationNorm.L2, 1000, 0)]
    [InlineData(PerturbationNorm.L1, 1000, 0)]
    public void Evaluate_BudgetsFarFromUsual_InEveryPrecision(PerturbationNorm norm, double epsilon, double robust)
    {
        using var scope = NewDisposeScope();
        foreach (var dtype in new[] { ScalarType.Float64, ScalarType.Float32, ScalarType.Float16, ScalarType.BFloat16 })
        {
            using var model = TinyModels.Linear(dtype: dtype);
            var images = TinyModels.Images(6, dtype);
            images[0] = 0;
            images[1] = 1;
            var threat = Balls.Of(norm, epsilon);
            using var report = Cheap(threat).Evaluate(model, images, model.call(images).argmax(1));
            report.RobustAccuracy.Should().Be(robust, "{0} in {1}", threat, dtype);
            TensorAssert.AllTrue(threat.Contains(images, report.Adversarial));
        }
    }

    [Fact]
    public void Evaluate_AnyNumbersAndSeedsAndBatches_AreTaken()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear(dtype: ScalarType.Float32);
        var images = TinyModels.Images(6);
        var labels = model.call(images).argmax(1);
        AttackContext[] contexts =
        [
            new() { SampleIndices = [0, 0, 0, 0, 0, 0] }, new() { SampleIndices = [-1, long.MinValue, long.MaxValue, 5, 5, 5] }, new() { Seed = ulong.MaxValue }, new() { KeepModelMode = true },
        ];
        foreach (var context in contexts)
        {
            using var report = Cheap(_threat, options => options with { Seed = ulong.MaxValue, BatchSize = int.MaxValue }).Evaluate(model, images, labels, context);
            (report.CleanAccuracy, report.RobustAccuracy).Should().Be((1, 1 / 3.0));
        }
        var strided = stack([labels, labels], 1).select(1, 0);
        strided.is_contiguous().Should().BeFalse();
        using var other = Cheap(_threat).Evaluate(model, images, strided);
        (other.CleanAccuracy, other.RobustAccuracy).Should().Be((1, 1 / 3.0));
    }

    [Fact]
    public void Evaluate_ProgramWithOtherDefaults_GetsTheSameAndKeepsThem()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear(dtype: ScalarType.Float32);
        var images = TinyModels.Images(6);
        var labels = model.call(images).argmax(1);
        ThreatModel[] threats = [_threat, ThreatModel.L2(0.2), ThreatModel.L1(0.5)];
        manual_seed(3);
        var draws = TensorAssert.Values(rand(3));
        manual_seed(3);
        var expected = threats.Select(threat => Cheap(threat).Perturb(model, images, labels)).ToList();
        TensorAssert.Values(rand(3)).Should().Equal(draws, "the global generator is the program's own");
        var before = get_default_dtype();
        try
        {
            foreach (var dtype in new[] { ScalarType.Float64, ScalarType.Float16 })
            {
                set_default_dtype(dtype);
                for (var i = 0; i < threats.Length; i++) TensorAssert.Same(Cheap(threats[i]).Perturb(model, images, labels), expected[i]);
                get_default_dtype().Should().Be(dtype);
            }
        }
        finally
        {
            set_default_dtype(before);
        }
    }

    [Fact]
    public void Evaluate_ModelThatKeepsWhatItReturns_KeepsIt()
    {
        using var scope = NewDisposeScope();
        using var net = TinyModels.Linear(dtype: ScalarType.Float32);
        var images = TinyModels.Images(6);
        var kept = net.call(images).detach();
        var before = kept.clone();
        using var model = new FuncModel(x => x.requires_grad || x.shape[0] != 6 ? net.call(x) : (x == images).all().ToBoolean() ? kept : net.call(x));
        using var report = Cheap(_threat).Evaluate(model, images, kept.argmax(1));
        report.CleanAccuracy.Should().Be(1);
        TensorAssert.Same(kept, before);
    }

    [Fact]
    public void Evaluate_ModelThatReturnsAViewOfItsInput_Works()
    {
        using var scope = NewDisposeScope();
        using var model = new FuncModel(x => x.flatten(1));
        var images = TinyModels.Images(6);
        var threat = ThreatModel.Linf(0.1);
        var (top, _) = images.flatten(1).topk(2, dim: 1);
        using var report = new AutoAttack(threat).Evaluate(model, images, images.flatten(1).argmax(1));
        // The largest pixel falls by epsilon, the second rises by it.
        report.Robust.Should().Equal(TensorAssert.Values(top.select(1, 0) - top.select(1, 1)).Select(gap => gap > 0.2));
        TensorAssert.Same(images, TinyModels.Images(6));
    }

    [Fact]
    public void Evaluate_PixelsAHairOutsideTheBox_AreTakenAsItsEdge()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear(dtype: ScalarType.Float32);
        var images = TinyModels.Images(6);
        images[0, 0, 0, 0] = 1 + 5e-7f;
        images[1, 0, 0, 0] = -5e-7f;
        using var report = Cheap(_threat).Evaluate(model, images, model.call(images).argmax(1));
        (report.Adversarial.min().ToDouble(), report.Adversarial.max().ToDouble()).Should().Be((0, 1));
        TensorAssert.AllTrue(_threat.Contains(images, report.Adversarial));
        report.SaveHtml(_folder.File("r.html"), ["zero", "one", "two", "three"]);
        _folder.Names.Should().Equal("r.html");
    }

    [Fact]
    public void Evaluate_ProgressThatThrows_EndsTheRunAndNothingElse()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Smooth(dtype: ScalarType.Float64);
        var images = TinyModels.Images(6, ScalarType.Float64);
        var labels = TinyModels.Predicted(model, images);
        var attack = Cheap(_threat, options => options with { StatePath = _folder.File("run.state"), BatchSize = 2 });
        using var whole = Cheap(_threat, options => options with { BatchSize = 2 }).Evaluate(model, images, labels);
        model.train();
        var reports = 0;
        var progress = new ListProgress<AttackProgress>(_ => { if (++reports == 40) throw new InvalidDataException("on purpose"); });
        FluentActions.Invoking(() => attack.Evaluate(model, images, labels, new AttackContext { Progress = progress })).Should().Throw<InvalidDataException>().WithMessage("on purpose");
        model.training.Should().BeTrue();
        using var resumed = attack.Evaluate(model, images, labels);
        TensorAssert.Same(resumed.Adversarial, whole.Adversarial);
    }

    [Fact]
    public void Evaluate_StateInNewFoldersUnderAnyName_IsFoundAgain()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear(dtype: ScalarType.Float32);
        var images = TinyModels.Images(6);
        var labels = model.call(images).argmax(1);
        foreach (var name in new[] { "a/b/c/x.state", "ü é 名.state", "a/../dots.state" })
        {
            var attack = Cheap(_threat, options => options with { StatePath = _folder.File(name), SecurityCurve = [0.01] });
            using var first = attack.Evaluate(model, images, labels);
            // Diagnosis changes no result, and so is no other evaluation.
            using var again = Cheap(_threat, options => options with { StatePath = _folder.File(name), SecurityCurve = [0.01], Diagnose = false }).Evaluate(model, images, labels);
            TensorAssert.Same(again.Adversarial, first.Adversarial);
            again.Attacks.Should().Equal(first.Attacks, "not even the time is measured again");
        }
        FluentActions.Invoking(() => Cheap(_threat, options => options with { StatePath = _folder.File("folder/") }).Evaluate(model, images, labels)).Should().Throw<IOException>();
        FluentActions.Invoking(() => Cheap(_threat, options => options with { StatePath = _folder.File(new string('x', 300)) }).Evaluate(model, images, labels)).Should().Throw<IOException>();
        FluentActions.Invoking(() => Cheap(_threat, options => options with { StatePath = "a\0b" }).Evaluate(model, images, labels)).Should().Throw<ArgumentException>();
        if (OperatingSystem.IsLinux())
            FluentActions.Invoking(() => Cheap(_threat, options => options with { StatePath = "/proc/ardir.state" }).Evaluate(model, images, labels)).Should().Throw<IOException>().WithMessage("*cannot be opened*");
    }

    [Fact]
    public void Evaluator_WithAnEnsemble_AgreesWithTheEnsemble()
    {
        using var scope = NewDisposeScope();
        foreach (var dtype in new[] { ScalarType.Float32, ScalarType.Float16 })
        {
            using var model = TinyModels.Linear(dtype: dtype);
            var pixels = (TinyModels.Images(7) * 255).to(ScalarType.Byte);
            var images = pixels.to(ScalarType.Float32).div(255).to(dtype);
            using var data = new ImageDataset(pixels, model.call(images).argmax(1));
            using var report = Cheap(_threat).Evaluate(model, images, data.Labels);
            var result = RobustnessEvaluator.Evaluate(model, data, Cheap(_threat), new() { BatchSize = 3 });
            result.Robust.Should().Equal(report.Robust);
            result.CleanAccuracy.Should().Be(1);
        }
    }

    public void Dispose() => _folder.Dispose();

    private static AutoAttack Cheap(ThreatModel threat, Func<AutoAttackOptions, AutoAttackOptions>? change = null)
    {
        var options = new AutoAttackOptions
        {
            Version = AutoAttackVersion.Custom,
            Attacks =
            [
                new ApgdAttack(threat, new ApgdOptions { Search = new() { Iterations = 6 } }), new TargetedApgdAttack(threat, new TargetedApgdOptions { Search = new() { Iterations = 6 } }),
                new TargetedFabAttack(threat, new TargetedFabOptions { Search = new() { Iterations = 4 } }), new FabAttack(threat, new FabOptions { Iterations = 4 }), new SquareAttack(threat, new SquareOptions { Queries = 15 }),
            ],
        };
        return new AutoAttack(threat, change is null ? options : change(options));
    }
}
