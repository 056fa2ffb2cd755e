using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

public sealed class CarliniWagnerAttackTests
{
    [Fact]
    public void Perturb_TwoClassLinear_ComesCloseToTheBoundaryDistance()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear(classes: 2);
        var images = TinyModels.Images(5, ScalarType.Float64, low: 0.4, high: 0.6);
        var labels = model.call(images).argmax(1);
        var logits = model.call(images);
        var distance = (logits.amax([1]) - logits.amin([1])) / (model.Weight[0] - model.Weight[1]).norm();
        var threat = ThreatModel.L2(10);
        var found = new CarliniWagnerAttack(threat, new CarliniWagnerOptions { Iterations = 300, InitialConstant = 0.1 }).Perturb(model, images, labels);
        TensorAssert.AllTrue(model.call(found).argmax(1) != labels);
        var ratio = threat.Distance(images, found) / distance;
        ratio.min().ToDouble().Should().BeGreaterThan(1 - 1e-9);
        ratio.max().ToDouble().Should().BeLessThan(1.03);
    }

    [Fact]
    public void Perturb_Confidence_LeavesThatMargin()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear();
        var images = TinyModels.Images(4, ScalarType.Float64, low: 0.4, high: 0.6);
        var labels = model.call(images).argmax(1);
        var options = new CarliniWagnerOptions { Iterations = 100, SearchSteps = 4, InitialConstant = 1, LearningRate = 0.05, Confidence = 0.3 };
        var found = new CarliniWagnerAttack(ThreatModel.L2(10), options).Perturb(model, images, labels);
        var margin = AttackLoss.Margin.Compute(new AttackLossInputs(model.call(found), labels, null, []));
        margin.min().ToDouble().Should().BeGreaterThanOrEqualTo(0.3);
    }

    [Fact]
    public void Perturb_WithTargets_ReachesThem()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear();
        var images = TinyModels.Images(4, ScalarType.Float64);
        var labels = model.call(images).argmax(1);
        var context = new AttackContext { Targets = (labels + 1).remainder(4) };
        var options = new CarliniWagnerOptions { Iterations = 100, SearchSteps = 4, InitialConstant = 1, LearningRate = 0.05 };
        var found = new CarliniWagnerAttack(ThreatModel.L2(10), options).Perturb(model, images, labels, context);
        TensorAssert.AllTrue(model.call(found).argmax(1) == context.Targets);
    }

    [Fact]
    public void Learn_Weights_GrowTenfoldUntilSuccessThenHalve()
    {
        using var scope = NewDisposeScope();
        var search = new WeightSearch(zeros(2, 1, 1, 1), 1, ScalarType.Float64);
        TensorAssert.Close(search.Weight.flatten(), [1, 1], 0);
        search.Learn(tensor(new[] { false, true }));
        TensorAssert.Close(search.Weight.flatten(), [10, 0.5], 0);
        search.Learn(tensor(new[] { true, false }));
        TensorAssert.Close(search.Weight.flatten(), [5.5, 0.75], 0);
    }

    [Fact]
    public void Create_OtherNormOrBadOptions_Refused()
    {
        var norm = () => new CarliniWagnerAttack(ThreatModel.L1(1));
        norm.Should().Throw<ArgumentException>().WithMessage("*L2*L1(1)*");
        foreach (var (options, name) in new[]
        {
            (new CarliniWagnerOptions { SearchSteps = 0 }, "SearchSteps"), (new CarliniWagnerOptions { Iterations = 0 }, "Iterations"),
            (new CarliniWagnerOptions { LearningRate = 0 }, "LearningRate"), (new CarliniWagnerOptions { InitialConstant = -1 }, "InitialConstant"),
            (new CarliniWagnerOptions { Confidence = double.NaN }, "Confidence"),
        })
        {
            var act = () => new CarliniWagnerAttack(ThreatModel.L2(1), options);
            act.Should().Throw<ArgumentOutOfRangeException>().WithParameterName(name);
        }
    }
}
