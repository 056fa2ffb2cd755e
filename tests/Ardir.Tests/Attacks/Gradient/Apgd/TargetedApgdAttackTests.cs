using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

public sealed class TargetedApgdAttackTests
{
    [Fact]
    public void ByRank_AnyLogits_GivesEveryOtherClassInOrder()
    {
        using var scope = NewDisposeScope();
        // In order; tied with the label; all tied; infinite.
        var logits = tensor(new[]
        {
            3.0, 9, 5, 4, 7, 7, 1, 0, 2, 2, 2, 2, double.NegativeInfinity, double.NegativeInfinity, 1, 0,
        }, [4, 4]);
        var labels = tensor([1L, 0L, 0L, 2L]);
        TensorAssert.Longs(TargetClasses.ByRank(logits, labels, 0)).Should().Equal(2, 1, 1, 3);
        TensorAssert.Longs(TargetClasses.ByRank(logits, labels, 1)).Should().Equal(3, 2, 2, 0);
        TensorAssert.Longs(TargetClasses.ByRank(logits, labels, 2)).Should().Equal(0, 3, 3, 1);
    }

    [Theory]
    [InlineData(9, 2, 4, 6)]
    [InlineData(2, 1, 4, 2)]
    [InlineData(9, 1, 2, 1)]
    [InlineData(9, 1, 1000, 9)]
    public void UnitCount_Classes_AreAtMostAllOthers(int targets, int restarts, int classes, int expected)
    {
        var options = new TargetedApgdOptions { Search = new() { Restarts = restarts }, Classes = targets };
        new TargetedApgdAttack(ThreatModel.Linf(0.1), options).Units(classes).Should().Be(expected);
    }

    [Fact]
    public void Constructor_BadOptions_NamesThem()
    {
        foreach (var (options, name) in new[]
        {
            (new TargetedApgdOptions { Search = new() { Iterations = 0 } }, "Iterations"),
            (new TargetedApgdOptions { Search = new() { Restarts = 0 } }, "Restarts"),
            (new TargetedApgdOptions { Search = new() { Rho = 1 } }, "Rho"),
            (new TargetedApgdOptions { Classes = 0 }, "Classes"),
        })
        {
            var create = () => new TargetedApgdAttack(ThreatModel.Linf(0.1), options);
            create.Should().Throw<ArgumentException>().WithParameterName(name);
        }
    }

    [Fact]
    public void Perturb_Ranks_AreOfTheCleanLogitsAndCostNoForward()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear(classes: 6);
        var images = TinyModels.Images(3, ScalarType.Float64);
        var labels = model.call(images).argmax(1);
        var counting = new CountingModel(model);
        var attack = new TargetedApgdAttack(ThreatModel.Linf(1e-5), new TargetedApgdOptions { Search = new() { Iterations = 7 }, Classes = 4 });
        attack.Perturb(counting, images, labels);
        counting.SampleForwards.Should().Be(3 * (1 + 4 * 8));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Perturb_FewClasses_FindsWhatTheBestLinearStepFinds(int classes)
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear(classes);
        var images = TinyModels.Images(60, ScalarType.Float64);
        var labels = model.call(images).argmax(1);
        var expected = zeros([60], ScalarType.Bool);
        for (var target = 0; target < classes; target++)
        {
            // The optimum toward each class: for a linear model the corner along the sign of the difference of two rows.
            var direction = (model.Weight[target] - model.Weight[labels]).sign().reshape(60, 1, 4, 4);
            var logits = model.call((images + direction * 0.04).clamp(0, 1));
            expected = expected.logical_or(logits.argmax(1) != labels);
        }
        var found = new TargetedApgdAttack(ThreatModel.Linf(0.04), new TargetedApgdOptions { Search = new() { Iterations = 40 } }).Perturb(model, images, labels);
        TensorAssert.AllTrue((model.call(found).argmax(1) != labels) == expected);
        expected.sum().ToInt64().Should().BeInRange(5, 55);
    }

    [Fact]
    public void Perturb_LogitsOfOppositeSign_StillHaveAGradient()
    {
        using var scope = NewDisposeScope();
        using var linear = TinyModels.Linear(classes: 2);
        using var model = new FuncModel(x =>
        {
            var score = linear.call(x).select(1, 0);
            return stack([score.neg(), score], 1);
        }, linear);
        var images = TinyModels.Images(8, ScalarType.Float64);
        var labels = model.call(images).argmax(1);
        var found = new TargetedApgdAttack(ThreatModel.Linf(1)).Perturb(model, images, labels);
        TensorAssert.AllTrue(model.call(found).argmax(1) != labels);
        var dlr = () => new ApgdAttack(ThreatModel.Linf(0.1), new ApgdOptions { Loss = AttackLoss.Dlr }).Perturb(model, images, labels);
        dlr.Should().Throw<InvalidOperationException>().WithMessage("*at least 3 classes*");
        found = new ApgdAttack(ThreatModel.Linf(1), new ApgdOptions { Loss = AttackLoss.DlrOrMargin }).Perturb(model, images, labels);
        TensorAssert.AllTrue(model.call(found).argmax(1) != labels);
    }

    [Fact]
    public void Perturb_TargetsOfTheCaller_AreRefused()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear();
        var images = TinyModels.Images(2, ScalarType.Float64);
        var labels = model.call(images).argmax(1);
        var act = () => new TargetedApgdAttack(ThreatModel.Linf(0.1)).Perturb(model, images, labels, new AttackContext { Targets = (labels + 1) % 4 });
        act.Should().Throw<InvalidOperationException>().WithMessage("*context.Targets*ApgdAttack*");
    }
}
