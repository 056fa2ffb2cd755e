using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

public sealed class MiFgsmAttackTests
{
    [Fact]
    public void Perturb_LinearModelAndMargin_WalksStraightToTheCorner()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear(classes: 2);
        var images = TinyModels.Images(5, ScalarType.Float64);
        var labels = TinyModels.Labels(5, 2);
        var options = new MiFgsmOptions { Loss = AttackLoss.Margin };
        var direction = (model.Weight[1] - model.Weight[0]).reshape(1, 1, 4, 4).detach() * (1 - 2 * labels).reshape(-1, 1, 1, 1);
        var found = new MiFgsmAttack(ThreatModel.Linf(0.1), options).Perturb(model, images, labels);
        TensorAssert.Close(found, TensorAssert.Values((images + direction.sign() * 0.1).clamp(0, 1)), 1e-12);
        images = full([5, 1, 4, 4], 0.5, ScalarType.Float64);
        found = new MiFgsmAttack(ThreatModel.L2(0.1), options).Perturb(model, images, labels);
        TensorAssert.Close(found, TensorAssert.Values(images + direction * 0.1 / direction.flatten(1).norm(1, keepdim: true).reshape(-1, 1, 1, 1)), 1e-12);
    }

    [Fact]
    public void Perturb_ChangingGradient_AccumulatesIt()
    {
        using var scope = NewDisposeScope();
        // One pixel, loss -(x - 0.52)^2 in steps of 0.05: the gradient turns after the first step, the sum of unit gradients goes 1, 0, 1, 0.
        using var model = new FuncModel(x => cat([(x - 0.52).square().flatten(1), zeros(1, 1, ScalarType.Float64)], 1));
        var image = full([1, 1, 1, 1], 0.5, ScalarType.Float64);
        double Walk(int steps, double decay)
        {
            var options = new MiFgsmOptions { Steps = steps, StepSize = 0.05, Decay = decay, Loss = AttackLoss.Margin };
            return new MiFgsmAttack(ThreatModel.Linf(0.3), options).Perturb(model, image, tensor([0L])).item<double>();
        }
        Walk(1, 1).Should().BeApproximately(0.55, 1e-12);
        Walk(2, 1).Should().BeApproximately(0.55, 1e-12);
        Walk(3, 1).Should().BeApproximately(0.5, 1e-12);
        Walk(2, 0).Should().BeApproximately(0.5, 1e-12);
        Walk(2, 2).Should().BeApproximately(0.6, 1e-12);
    }

    [Fact]
    public void Perturb_Steps_CostOnePassEach()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Smooth();
        var counting = new CountingModel(model);
        var attack = new MiFgsmAttack(ThreatModel.Linf(0.1), new MiFgsmOptions { Steps = 4 });
        attack.Perturb(counting, TinyModels.Images(3), TinyModels.Labels(3));
        (counting.SampleForwards, counting.SampleBackwards).Should().Be((12, 12));
        attack.Name.Should().Be("MI-FGSM-4");
        attack.ToString().Should().Contain("StepSize = 0.025");
    }

    [Fact]
    public void Constructor_BadOptions_NamesThem()
    {
        foreach (var (options, name) in new[]
        {
            (new MiFgsmOptions { Steps = 0 }, "Steps"), (new MiFgsmOptions { StepSize = 0 }, "StepSize"), (new MiFgsmOptions { Decay = -1 }, "Decay"),
            (new MiFgsmOptions { Decay = double.NaN }, "Decay"), (new MiFgsmOptions { Loss = null! }, "Loss"),
        })
        {
            var act = () => new MiFgsmAttack(ThreatModel.Linf(0.1), options);
            act.Should().Throw<ArgumentException>().WithParameterName(name);
        }
        var kl = () => new MiFgsmAttack(ThreatModel.Linf(0.1), new MiFgsmOptions { Loss = AttackLoss.KlToClean });
        kl.Should().Throw<ArgumentException>().WithMessage("*exactly zero at the clean image*");
    }
}
