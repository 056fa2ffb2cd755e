using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>What people who write their own attack can rely on.</summary>
public sealed class AttackRunTests
{
    [Fact]
    public void Select_SomeRows_CarriesImagesLabelsTargetsStreamsAndReference() => Search(run =>
    {
        run = run.With(AttackLoss.CrossEntropy);
        var some = run.Select(tensor([3L, 1L]));
        some.Count.Should().Be(2);
        TensorAssert.Same(some.Images, run.Images[tensor([3L, 1L])]);
        TensorAssert.Longs(some.Labels).Should().Equal(3, 1);
        TensorAssert.Longs(some.Targets!).Should().Equal(0, 2);
        TensorAssert.Same(some.Start(RandomStart.Uniform, 2), run.Start(RandomStart.Uniform, 2)[tensor([3L, 1L])]);
        TensorAssert.Different(run.Start(RandomStart.Uniform, 2), run.Start(RandomStart.Uniform, 3));
        var (all, part) = (run.Gradient(run.Images), some.Gradient(some.Images));
        TensorAssert.Close(part.Gradient, all.Gradient[tensor([3L, 1L])], 1e-12);
        TensorAssert.Close(part.Loss, all.Loss[tensor([3L, 1L])], 1e-12);
        some.SampleForwards.Should().Be(6, "counters are shared");
        run.SampleBackwards.Should().Be(6);
    });

    [Fact]
    public void Start_EqualStreamKeys_AreTheSamePointsAndTheKeyIsTheNameOfTheTypeByDefault()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear();
        Tensor Start(string? key) => new StartAttack(ThreatModel.Linf(0.1), key).Perturb(model, TinyModels.Images(4), TinyModels.Labels(4));
        TensorAssert.Same(Start(null), Start(nameof(StartAttack)));
        TensorAssert.Same(Start("other"), Start("other"));
        TensorAssert.Different(Start("other"), Start(null));
    }

    [Fact]
    public void Gradient_AnyLoss_IsThatOfTheSumAndDetached() => Search(run =>
    {
        run = run.With(AttackLoss.Margin);
        var here = run.Gradient(run.Images);
        TensorAssert.Close(run.Evaluate(run.Images).Loss, here.Loss, 1e-12);
        TensorAssert.Close(run.Logits(run.Images), here.Logits, 1e-12);
        (here.Logits.requires_grad || here.Loss.requires_grad || here.Gradient.requires_grad).Should().BeFalse();
        var expected = GradientCheck.Numeric(x => run.Evaluate(x).Loss.sum(), run.Images);
        TensorAssert.Close(here.Gradient.flatten(), expected, 1e-6);
    });

    [Fact]
    public void Gradient_WithoutALoss_SaysWhatIsMissing() => Search(run =>
    {
        var gradient = () => run.Gradient(run.Images);
        gradient.Should().Throw<InvalidOperationException>().WithMessage("*With(loss)*");
        var loss = () => run.Evaluate(run.Images);
        loss.Should().Throw<InvalidOperationException>().WithMessage("*With(loss)*");
    });

    [Fact]
    public void IsAdversarial_TargetedAndTied_FollowsTheDefinition() => Search(run =>
    {
        // Targets are label + 1 modulo 4.
        var logits = tensor(new[] { 0.0, 1, 0, 0, 9, 9, 0, 0, 0, 0, 0, 1, 5, 5, 5, 5 }, [4, 4]);
        run.IsAdversarial(logits).data<bool>().ToArray().Should().Equal(true, false, true, true);
    });

    private sealed class StartAttack(ThreatModel threat, string? key) : Attack(threat)
    {
        public override string Name => "start";

        protected override string StreamKey => key ?? base.StreamKey;

        protected override Tensor Search(AttackRun run) => run.Start(RandomStart.Uniform, restart: 0);
    }

    private static void Search(Action<AttackRun> body)
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear();
        var labels = TinyModels.Labels(4);
        var ran = false;
        var attack = new BodyAttack(run => { body(run); ran = true; });
        attack.Perturb(model, TinyModels.Images(4, ScalarType.Float64), labels, new AttackContext { Targets = (labels + 1).remainder(4) });
        ran.Should().BeTrue();
    }

    private sealed class BodyAttack(Action<AttackRun> body) : Attack(ThreatModel.L2(0.2))
    {
        public override string Name => "probe";

        protected override Tensor Search(AttackRun run)
        {
            body(run);
            return run.Images;
        }
    }
}
