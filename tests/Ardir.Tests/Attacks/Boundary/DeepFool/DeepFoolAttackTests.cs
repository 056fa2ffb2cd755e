using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

public sealed class DeepFoolAttackTests
{
    [Fact]
    public void Perturb_TwoClassLinear_IsTheStepAcrossTheBoundaryWithOvershoot()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear(classes: 2);
        var images = TinyModels.Images(5, ScalarType.Float64, low: 0.4, high: 0.6);
        var labels = model.call(images).argmax(1);
        var slope = FgsmAttackTests.Slope(model, labels).flatten(1);
        var logits = model.call(images);
        var gap = (logits.amax([1], true) - logits.amin([1], true)) / slope.square().sum(1, true);
        var expected = images.flatten(1) + 1.02 * gap * slope;
        expected.min().ToDouble().Should().BePositive("the box must not matter here");
        var found = new DeepFoolAttack(ThreatModel.L2(10)).Perturb(model, images, labels);
        TensorAssert.Close(found.flatten(1), expected, 1e-9);
    }

    [Fact]
    public void Perturb_OutsideTheBall_IsProjectedBack()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear(classes: 2);
        var images = TinyModels.Images(5, ScalarType.Float64, low: 0.4, high: 0.6);
        var labels = model.call(images).argmax(1);
        var far = new DeepFoolAttack(ThreatModel.L2(10)).Perturb(model, images, labels);
        var near = ThreatModel.L2(1e-3);
        TensorAssert.Close(new DeepFoolAttack(near).Perturb(model, images, labels), near.Project(images, far), 1e-12);
    }

    [Fact]
    public void Perturb_LinearModel_CostsTwoEvaluations()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear();
        var images = TinyModels.Images(3, ScalarType.Float64, low: 0.4, high: 0.6);
        var labels = model.call(images).argmax(1);
        var counting = new CountingModel(model);
        new DeepFoolAttack(ThreatModel.L2(10), new DeepFoolOptions { Classes = 4 }).Perturb(counting, images, labels);
        counting.SampleForwards.Should().Be(9);        // clean, the step, the check of its result
        counting.SampleBackwards.Should().Be(2 * 9);
    }

    [Fact]
    public void Create_OtherNormOrBadOptions_Refused()
    {
        var norm = () => new DeepFoolAttack(ThreatModel.Linf(0.1));
        norm.Should().Throw<ArgumentException>().WithMessage("*L2*Linf(0.1)*FabAttack*");
        var classes = () => new DeepFoolAttack(ThreatModel.L2(1), new DeepFoolOptions { Classes = 1 });
        classes.Should().Throw<ArgumentOutOfRangeException>().WithParameterName("Classes");
        var overshoot = () => new DeepFoolAttack(ThreatModel.L2(1), new DeepFoolOptions { Overshoot = -1 });
        overshoot.Should().Throw<ArgumentOutOfRangeException>().WithParameterName("Overshoot");
    }

    [Fact]
    public void Perturb_WithTargets_Refused()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear();
        var act = () => new DeepFoolAttack(ThreatModel.L2(1)).Perturb(
            model, TinyModels.Images(2, ScalarType.Float64), zeros(2, ScalarType.Int64), new AttackContext { Targets = ones(2, ScalarType.Int64) });
        act.Should().Throw<InvalidOperationException>().WithMessage("*targeted*FabAttack*");
    }
}
