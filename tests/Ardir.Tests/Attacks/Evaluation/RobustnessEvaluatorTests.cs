using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

public sealed class RobustnessEvaluatorTests
{
    private const double Epsilon = 0.1;

    /// <summary>Distances of six images to the decision boundary of <see cref="Judge"/> in L-infinity; two are on the wrong side.</summary>
    private static readonly double[] _margins = [0.3, 0.05, -0.2, 0.11, 0.09, -0.01];

    [Fact]
    public void Evaluate_LinearModel_GivesTheAccuraciesFoundByHand()
    {
        using var model = Judge();
        using var data = Data();
        var result = RobustnessEvaluator.Evaluate(model, data, Fgsm());
        result.Correct.Should().Equal(true, true, false, true, true, false);
        result.Robust.Should().Equal(true, false, false, true, false, false);
        result.CleanAccuracy.Should().Be(4 / 6.0);
        result.RobustAccuracy.Should().Be(2 / 6.0);
    }

    [Fact]
    public void Evaluate_WithoutAttack_RobustAccuracyIsCleanAccuracy()
    {
        using var model = Judge();
        using var data = Data();
        var result = RobustnessEvaluator.Evaluate(model, data);
        result.CleanAccuracy.Should().Be(4 / 6.0);
        result.Robust.Should().Equal(result.Correct);
    }

    [Fact]
    public void Evaluate_Attack_SeesOnlySamplesThatTheModelGetsRight()
    {
        using var inner = Judge();
        using var data = Data();
        var model = new CountingModel(inner);
        var spy = new SpyAttack(Fgsm());
        RobustnessEvaluator.Evaluate(model, data, spy, new() { BatchSize = 4, Context = new AttackContext { Seed = 9 } });
        // Of images 0..3 three are right, of 4 and 5 one: clean pass, attack's pass, judging pass.
        model.Forwards.Should().Equal(4, 3, 3, 2, 1, 1);
        model.Backwards.Should().Equal(3, 1);
        spy.Contexts.Select(context => context!.SampleIndices).Should().BeEquivalentTo([new long[] { 0, 1, 3 }, [4]], options => options.WithStrictOrdering());
        spy.Contexts.Should().OnlyContain(context => context!.Seed == 9);
    }

    [Fact]
    public void Evaluate_BatchWithoutARightSample_IsNotAttacked()
    {
        using var model = Judge();
        using var all = Data();
        using var wrong = all.Subset([2, 5]);
        var spy = new SpyAttack(Fgsm());
        RobustnessEvaluator.Evaluate(model, wrong, spy).RobustAccuracy.Should().Be(0);
        spy.Contexts.Should().BeEmpty();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(64)]
    public void Evaluate_AnyBatchSize_GivesTheSameResult(int batchSize)
    {
        using var model = TinyModels.Smooth(dtype: ScalarType.Float32);
        using var data = new ImageDataset(TinyModels.Random([24, 1, 4, 4], 3, ScalarType.Byte, 0, 256), TinyModels.Labels(24));
        var attack = new PgdAttack(ThreatModel.Linf(0.1), new PgdOptions { Steps = 3 });
        var expected = RobustnessEvaluator.Evaluate(model, data, attack, new() { BatchSize = 24 });
        expected.Correct.Should().Contain(true);
        var result = RobustnessEvaluator.Evaluate(model, data, attack, new() { BatchSize = batchSize });
        result.Correct.Should().Equal(expected.Correct);
        result.Robust.Should().Equal(expected.Robust);
        model.training.Should().BeTrue("the mode is given back");
    }

    [Fact]
    public void Evaluate_Float64Model_GetsImagesOfItsDtype()
    {
        using var model = TinyModels.Linear(classes: 2, inputs: 16);
        using var data = new ImageDataset(TinyModels.Random([6, 1, 4, 4], 3, ScalarType.Byte, 0, 256), TinyModels.Labels(6, 2));
        var result = RobustnessEvaluator.Evaluate(model, data, Fgsm());
        using var images = data.Images.to(ScalarType.Float64);
        using var scaled = images / 255;
        using var logits = model.call(scaled);
        var expected = LossReference.Rows(logits).Select((row, i) => LossReference.TopClass(row) == i % 2);
        result.Correct.Should().Equal(expected);
    }

    [Fact]
    public void Evaluate_Progress_TellsTheImagesDone()
    {
        using var model = Judge();
        using var data = Data();
        var progress = new ListProgress<int>();
        RobustnessEvaluator.Evaluate(model, data, null, new() { BatchSize = 4, Progress = progress });
        progress.Reports.Should().Equal(4, 6);
    }

    [Fact]
    public void Evaluate_MisshapenLogits_Throws()
    {
        using var data = Data();
        using var flat = new FuncModel(x => x.flatten());
        FluentActions.Invoking(() => RobustnessEvaluator.Evaluate(flat, data)).Should().Throw<InvalidOperationException>().Which.Message.Should().Contain("[6,K]");
    }

    [Fact]
    public void Evaluate_AttackThatReturnsNonsense_IsNeverCountedAsASuccess()
    {
        using var model = Judge();
        using var data = Data();
        void Refused<T>(Func<Tensor, Tensor> perturb, string message) where T : Exception
        {
            using var scope = NewDisposeScope();
            var modes = model.training;
            FluentActions.Invoking(() => RobustnessEvaluator.Evaluate(model, data, new OwnAttack(perturb))).Should().Throw<T>().Which.Message.Should().Contain(message);
            model.training.Should().Be(modes, "the mode is given back after a failure, too");
        }

        Refused<InvalidOperationException>(x => x * float.NaN, "own returned images outside");
        Refused<InvalidOperationException>(x => x + 0.2, "own returned images outside");
        Refused<InvalidOperationException>(x => -x, "own returned images outside");
        Refused<InvalidOperationException>(x => x.narrow(0, 0, 1), "[1,1,1,2]");
        Refused<InvalidOperationException>(x => x.flatten(1), "[4,2]");
        Refused<InvalidOperationException>(x => x.to(ScalarType.Float64), "Float64");
    }

    [Fact]
    public void Evaluate_AttackThatReturnsItsInput_CountsNothing()
    {
        using var model = Judge();
        using var data = Data();
        RobustnessEvaluator.Evaluate(model, data, new OwnAttack(x => x)).Robust.Should().Equal(true, true, false, true, true, false);
        RobustnessEvaluator.Evaluate(model, data, new OwnAttack(x => x.alias())).Robust.Should().Equal(true, true, false, true, true, false);
    }

    [Fact]
    public void Evaluate_Seed_DecidesTheAttacksNoiseAndNothingElse()
    {
        using var model = TinyModels.Smooth(dtype: ScalarType.Float32);
        using var data = new ImageDataset(TinyModels.Random([24, 1, 4, 4], 3, ScalarType.Byte, 0, 256), TinyModels.Labels(24));
        var noise = new FgsmAttack(ThreatModel.Linf(0.1), new FgsmOptions { Start = RandomStart.Uniform });
        RobustnessResult Run(ulong seed) => RobustnessEvaluator.Evaluate(model, data, noise, new() { BatchSize = 7, Context = new AttackContext { Seed = seed } });
        var first = Run(1);
        Run(1).Robust.Should().Equal(first.Robust);
        for (ulong seed = 2; seed < 6; seed++) Run(seed).Correct.Should().Equal(first.Correct);
    }

    [Fact]
    public void Evaluate_InvalidArguments_Throws()
    {
        using var model = Judge();
        using var data = Data();
        using var targets = zeros(6, dtype: ScalarType.Int64);
        FluentActions.Invoking(() => RobustnessEvaluator.Evaluate(model, data, attack: null, new() { BatchSize = 0 })).Should().Throw<ArgumentOutOfRangeException>();
        FluentActions.Invoking(() => RobustnessEvaluator.Evaluate(model, data, attack: null, new() { Context = new() { Targets = targets } })).Should().Throw<ArgumentException>().WithMessage("*Targets*");
        FluentActions.Invoking(() => RobustnessEvaluator.Evaluate(model, data, attack: null, new() { Context = new() { SampleIndices = [1] } })).Should().Throw<ArgumentException>().WithMessage("*SampleIndices*");
        FluentActions.Invoking(() => RobustnessEvaluator.Evaluate(null!, data)).Should().Throw<ArgumentNullException>();
        FluentActions.Invoking(() => RobustnessEvaluator.Evaluate(model, null!)).Should().Throw<ArgumentNullException>();
    }

    [Fact]
    public void Evaluate_Cancelled_Throws()
    {
        using var model = Judge();
        using var data = Data();
        using var source = new CancellationTokenSource();
        var progress = new ListProgress<int>(_ => source.Cancel());
        FluentActions.Invoking(() => RobustnessEvaluator.Evaluate(model, data, null, new() { BatchSize = 2, Context = new() { CancellationToken = source.Token }, Progress = progress })).Should().Throw<OperationCanceledException>();
        progress.Reports.Should().Equal(2);
    }

    [Fact]
    public void Evaluate_Repeatedly_LeavesNoTensorBehind()
    {
        using var model = Judge();
        using var data = Data();
        var attack = Fgsm();
        LeakAssert.None(() => RobustnessEvaluator.Evaluate(model, data, attack, new() { BatchSize = 4 }));
    }

    [Fact]
    public void Evaluate_DTypeAndDevice_AreWhatTheModelAndTheAttackSee()
    {
        using var judge = Judge();
        using var data = Data();
        var seen = new HashSet<ScalarType>();
        using var model = new FuncModel(
            x =>
            {
                seen.Add(x.dtype);
                using var single = x.to(ScalarType.Float32);
                return judge.call(single);
            }, judge);
        var own = new OwnAttack(x =>
        {
            seen.Add(x.dtype);
            return x.clone();
        });
        var options = new EvaluationOptions { DType = ScalarType.Float64, Device = CPU };
        RobustnessEvaluator.Evaluate(model, data, own, options).Correct.Should().Equal(true, true, false, true, true, false);
        using var pixels = data.Images.to(ScalarType.Float32);
        using var inputs = pixels / 255;
        RobustnessEvaluator.Evaluate(model, inputs, data.Labels, own, options).Correct.Should().Equal(true, true, false, true, true, false);
        seen.Should().Equal(ScalarType.Float64);
        LeakAssert.None(() => RobustnessEvaluator.Evaluate(model, inputs, data.Labels, own, options));
        seen.Clear();
        RobustnessEvaluator.Evaluate(model, inputs, data.Labels, own);
        RobustnessEvaluator.Evaluate(model, data, own);
        seen.Should().Equal(ScalarType.Float32);
        FluentActions.Invoking(() => RobustnessEvaluator.Evaluate(model, data, own, new() { DType = ScalarType.Int64 })).Should().Throw<ArgumentOutOfRangeException>().WithMessage("*DType must be a floating-point type*");
        FluentActions.Invoking(() => RobustnessEvaluator.Evaluate(model, data, own, new() { Checks = (EvaluationChecks)9 })).Should().Throw<ArgumentOutOfRangeException>().WithMessage("*Unknown kind of checks*");
    }

    private static FgsmAttack Fgsm() => new(ThreatModel.Linf(Epsilon));

    /// <summary>Two pixels a and b; class 0 when a is larger. Moving each by (a-b)/2 reaches the boundary.</summary>
    private static LinearModel Judge() => new(tensor(new[] { 1f, -1f, -1f, 1f }, [2, 2]), zeros(2));

    private static ImageDataset Data()
    {
        var pixels = _margins.SelectMany(margin => new[] { (byte)Math.Round(255 * (0.5 + margin)), (byte)Math.Round(255 * (0.5 - margin)) }).ToArray();
        return new ImageDataset(tensor(pixels, [6, 1, 1, 2]), zeros(6, dtype: ScalarType.Int64), ["left", "right"]);
    }

    private sealed class OwnAttack(Func<Tensor, Tensor> perturb) : IAttack
    {
        public string Name => "own";

        public ThreatModel Threat { get; } = ThreatModel.Linf(Epsilon);

        public Tensor Perturb(IModule model, Tensor images, Tensor labels, AttackContext? context = null) => perturb(images);
    }

    private sealed class SpyAttack(IAttack inner) : IAttack
    {
        public List<AttackContext?> Contexts { get; } = [];

        public string Name => inner.Name;

        public ThreatModel Threat => inner.Threat;

        public Tensor Perturb(IModule model, Tensor images, Tensor labels, AttackContext? context = null)
        {
            Contexts.Add(context);
            return inner.Perturb(model, images, labels, context);
        }
    }
}
