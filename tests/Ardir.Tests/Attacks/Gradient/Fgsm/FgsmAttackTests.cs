using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

public sealed class FgsmAttackTests
{
    private const double Epsilon = 0.1;

    [Fact]
    public void Perturb_LinfOnTwoClassLinear_IsTheSignStepClamped()
    {
        using var scope = NewDisposeScope();
        var (model, images, labels) = TwoClasses();
        var expected = (images + Epsilon * Slope(model, labels).sign()).clamp(0, 1);
        TensorAssert.Close(new FgsmAttack(ThreatModel.Linf(Epsilon)).Perturb(model, images, labels), expected, 1e-15);
    }

    [Theory]
    [InlineData(PerturbationNorm.L2)]
    [InlineData(PerturbationNorm.L1)]
    public void Perturb_OtherNormsOnTwoClassLinear_IsTheScaledGradientClamped(PerturbationNorm norm)
    {
        using var scope = NewDisposeScope();
        var (model, images, labels) = TwoClasses();
        var slope = Slope(model, labels);
        var length = norm == PerturbationNorm.L2 ? slope.square().sum([1, 2, 3], true).sqrt() : slope.abs().sum([1, 2, 3], true);
        var expected = (images + Epsilon * slope / length).clamp(0, 1);
        TensorAssert.Close(new FgsmAttack(Balls.Of(norm, Epsilon)).Perturb(model, images, labels), expected, 1e-12);
    }

    [Fact]
    public void Perturb_SmoothModel_FollowsTheFiniteDifferenceGradient()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Smooth(dtype: ScalarType.Float64);
        model.eval();
        var images = TinyModels.Images(2, ScalarType.Float64, low: 0.3, high: 0.7);
        var labels = TinyModels.Labels(2);
        var gradient = tensor(
            GradientCheck.Numeric(x => nn.functional.cross_entropy(model.call(x), labels, reduction: nn.Reduction.Sum), images), images.shape);
        gradient.abs().min().ToDouble().Should().BeGreaterThan(1e-6, "the signs must be beyond doubt");
        var found = new FgsmAttack(ThreatModel.Linf(Epsilon)).Perturb(model, images, labels);
        TensorAssert.Close(found, images + Epsilon * gradient.sign(), 1e-15);
    }

    [Fact]
    public void Perturb_WithTargets_RaisesTheTarget()
    {
        using var scope = NewDisposeScope();
        var (model, images, labels) = TwoClasses();
        var context = new AttackContext { Targets = 1 - labels };
        // With two classes, towards the other class is the same direction as away from the label.
        TensorAssert.Close(
            new FgsmAttack(ThreatModel.Linf(Epsilon)).Perturb(model, images, labels, context),
            new FgsmAttack(ThreatModel.Linf(Epsilon)).Perturb(model, images, labels), 0);
        var back = new FgsmAttack(ThreatModel.Linf(Epsilon)).Perturb(model, images, labels, new AttackContext { Targets = labels });
        TensorAssert.Close(back, (images - Epsilon * Slope(model, labels).sign()).clamp(0, 1), 1e-15);
    }

    [Fact]
    public void Perturb_StepSizeAndRandomStart_MovesFromTheStart()
    {
        using var scope = NewDisposeScope();
        var (model, images, labels) = TwoClasses();
        var threat = ThreatModel.Linf(Epsilon);
        var small = new FgsmAttack(threat, new FgsmOptions { StepSize = 0.03 });
        TensorAssert.Close(small.Perturb(model, images, labels), (images + 0.03 * Slope(model, labels).sign()).clamp(0, 1), 1e-15);
        var random = new FgsmAttack(threat, new FgsmOptions { StepSize = 0.03, Start = RandomStart.Uniform });
        var found = random.Perturb(model, images, labels);
        TensorAssert.AllTrue(threat.Contains(images, found));
        TensorAssert.Different(found, small.Perturb(model, images, labels));
    }

    [Fact]
    public void Perturb_Once_CostsOneForwardAndOneBackward()
    {
        using var scope = NewDisposeScope();
        var (model, images, labels) = TwoClasses();
        var counting = new CountingModel(model);
        new FgsmAttack(ThreatModel.L2(Epsilon)).Perturb(counting, images, labels);
        counting.Forwards.Should().Equal(3);
        counting.Backwards.Should().Equal(3);
    }

    [Fact]
    public void Create_BadOptions_NamesTheOption()
    {
        var threat = ThreatModel.Linf(Epsilon);
        var table = new (FgsmOptions Options, string Name)[]
        {
            (new FgsmOptions { StepSize = 0 }, "StepSize"),
            (new FgsmOptions { StepSize = -1 }, "StepSize"),
            (new FgsmOptions { StepSize = double.NaN }, "StepSize"),
            (new FgsmOptions { Start = (RandomStart)77 }, "Start"),
            (new FgsmOptions { Loss = null! }, "Loss"),
            (new FgsmOptions { Loss = AttackLoss.KlToClean }, "Start"),
        };
        foreach (var (options, name) in table)
        {
            var act = () => new FgsmAttack(threat, options);
            act.Should().Throw<ArgumentException>().Which.ParamName.Should().Be(name);
        }
        var missing = () => new FgsmAttack(null!);
        missing.Should().Throw<ArgumentNullException>().WithParameterName("threat");
    }

    [Fact]
    public void ToString_Always_SaysWhatItIs()
    {
        var attack = new FgsmAttack(ThreatModel.Linf(0.5));
        attack.Name.Should().Be("FGSM");
        attack.ToString().Should().StartWith("FGSM Linf(0.5)");
    }

    /// <summary>d(cross-entropy)/dx is a positive multiple of w_other - w_label.</summary>
    internal static Tensor Slope(LinearModel model, Tensor labels) =>
        (model.Weight[1 - labels] - model.Weight[labels]).detach().reshape(-1, 1, 4, 4);

    private static (LinearModel Model, Tensor Images, Tensor Labels) TwoClasses() =>
        (TinyModels.Linear(classes: 2), TinyModels.Images(3, ScalarType.Float64), tensor([0L, 1L, 0L]));
}
