using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>What an attack of one's own may return, and what is said of anything else, before it can become a wrong result or an error of the native library.</summary>
public sealed class OwnAttackAnswerTests : IDisposable
{
    private const int Count = 6;

    private static readonly ThreatModel _threat = ThreatModel.Linf(0.1);

    private readonly LinearModel _model = TinyModels.Linear(dtype: ScalarType.Float32);
    private readonly Tensor _images = TinyModels.Images(Count);
    private readonly Tensor _labels;

    public OwnAttackAnswerTests() => _labels = TinyModels.Predicted(_model, _images);

    public static TheoryData<string, Func<Tensor, Tensor?>, string> Answers => new()
    {
        { "null", _ => null, "returned null; expected images [6,1,4,4]*" },
        { "one image", x => x[0], "returned Float32 [1,4,4] on cpu; expected Float32 [6,1,4,4] on cpu*" },
        { "other dtype", x => x.to(ScalarType.Float64), "returned Float64 [6,1,4,4] on cpu; expected Float32*" },
        { "disposed", x => { x.Dispose(); return x; }, "returned a tensor that has been disposed*" },
    };

    [Theory, MemberData(nameof(Answers))]
    public void Search_NoImagesLikeThoseGiven_IsRefusedByName(string what, Func<Tensor, Tensor?> answer, string message)
    {
        var attack = new ProbeAttack(_threat, run => answer(run.Images.clone())!);
        attack.Invoking(a => a.Perturb(_model, _images, _labels)).Should().Throw<InvalidOperationException>(what).WithMessage($"The attack probe {message}");
    }

    public static TheoryData<string, Func<AttackRun, UnitOutcome>, string> Outcomes => new()
    {
        { "default", _ => default, "The attack units returned null*" },
        { "one image", run => new(run.Images[0], All(run.Count)), "The attack units returned Float32 [1,4,4]*" },
        { "numbers", run => new(run.Images, ones(run.Count)), "A unit of the attack units returned Float32 [5] on cpu as Broken; expected Bool [5] on cpu." },
        { "too many", run => new(run.Images, All(run.Count + 1)), "A unit of the attack units returned Bool [6] on cpu as Broken; expected Bool [5] on cpu." },
        { "no flags", run => new(run.Images, null!), "A unit of the attack units returned null as Broken; expected Bool [5] on cpu." },
    };

    [Theory, MemberData(nameof(Outcomes))]
    public void SearchUnit_NoOutcomeOfItsSamples_IsRefusedByName(string what, Func<AttackRun, UnitOutcome> search, string message)
    {
        var attack = new Units(search);
        attack.Invoking(a => a.Perturb(_model, _images, _labels)).Should().Throw<InvalidOperationException>(what).WithMessage(message);
        FluentActions.Invoking(() => Ensemble(attack).Evaluate(_model, _images, _labels)).Should().Throw<InvalidOperationException>(what).WithMessage(message);
    }

    [Theory, InlineData(0), InlineData(-1)]
    public void UnitCount_None_IsRefused_BecauseEveryImageWouldLookRobust(int count)
    {
        var attack = new Units(run => new(run.Images, All(run.Count)), count);
        var message = $"units has {count} units for 4 classes; expected at least 1.*";
        attack.Invoking(a => a.Perturb(_model, _images, _labels)).Should().Throw<InvalidOperationException>().WithMessage(message);
        FluentActions.Invoking(() => Ensemble(attack).Evaluate(_model, _images, _labels)).Should().Throw<InvalidOperationException>().WithMessage(message);
    }

    [Theory]
    [InlineData(PerturbationNorm.Linf, false), InlineData(PerturbationNorm.L2, false), InlineData(PerturbationNorm.L1, false)]
    [InlineData(PerturbationNorm.Linf, true), InlineData(PerturbationNorm.L2, true)]
    public void Search_NaNOfItsOwn_IsToldFromThatOfTheModel(PerturbationNorm norm, bool known)
    {
        var context = new AttackContext { Checked = known ? CheckedBatch.Of(_images, _labels, 4) : null };
        new ProbeAttack(Balls.Of(norm, 0.1), run => run.Images * double.NaN).Invoking(a => a.Perturb(_model, _images, _labels, context))
            .Should().Throw<InvalidOperationException>().WithMessage("The search of probe returned NaN, although logits and gradients of the model were numbers*");
    }

    [Fact]
    public void Search_PointsWithAGraph_LoseIt()
    {
        using var found = new ProbeAttack(_threat, run =>
        {
            using var grad = enable_grad();
            return run.Images.clone().requires_grad_() * 1;
        }).Perturb(_model, _images, _labels);
        found.requires_grad.Should().BeFalse("a student that trains on them must not descend through the attack");
        TensorAssert.Same(found, _images);
    }

    [Fact]
    public void Search_TensorThatTheAttackKeeps_IsNotDisposedByItsCaller()
    {
        using var kept = _images.clone();
        new ProbeAttack(_threat, _ => kept).Perturb(_model, _images, _labels).Dispose();
        TensorAssert.Same(kept, _images);
    }

    [Fact]
    public void Logits_SeveralPointsPerSample_CountEach()
    {
        var counting = new CountingModel(_model);
        long forwards = 0;
        new ProbeAttack(_threat, run =>
        {
            run.Logits(run.Images.repeat(3, 1, 1, 1));
            forwards = run.SampleForwards;
            return run.Images;
        }).Perturb(counting, _images, _labels).Dispose();
        forwards.Should().Be(3 * Count).And.Be(counting.SampleForwards);
    }

    public void Dispose()
    {
        _model.Dispose();
        _images.Dispose();
        _labels.Dispose();
    }

    private static Tensor All(int count) => ones(count, dtype: ScalarType.Bool);

    private static AutoAttack Ensemble(IAttack attack) => new(_threat, new() { Version = AutoAttackVersion.Custom, Attacks = [attack], Diagnose = false });

    private sealed class Units(Func<AttackRun, UnitOutcome> search, int count = 1) : UnitAttack(_threat)
    {
        public override string Name => "units";

        protected override int UnitCount(long classes) => count;

        protected override long UnitCost(long classes) => 1;

        protected override UnitOutcome SearchUnit(AttackRun run, int unit) => search(run);
    }
}
