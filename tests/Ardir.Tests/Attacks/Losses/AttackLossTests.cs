using Ardir.Attacks;

namespace Ardir.Tests;

public sealed class AttackLossTests
{
    [Theory]
    [InlineData("ce")]
    [InlineData("dlr")]
    [InlineData("dlr_targeted")]
    [InlineData("margin")]
    [InlineData("kl_clean_to_adv")]
    public void Compute_ReferenceLogits_GivesReferenceValuesAndGradients(string name)
    {
        using var scope = NewDisposeScope();
        var golden = GoldenFile.Load("losses");
        var logits = golden.Tensor("student_adv");
        Tensor Compute(Tensor z) => Of(name).Compute(Inputs(golden, name, z));
        TensorAssert.Close(Compute(logits), golden.Tensor($"attack/{name}/value"), 1e-9);
        TensorAssert.Close(GradientCheck.Analytic(z => Compute(z).sum(), logits), golden.Tensor($"attack/{name}/grads/0"), 1e-9);
    }

    [Theory]
    [InlineData("ce", true)]
    [InlineData("margin", true)]
    [InlineData("dlr", false)]
    [InlineData("dlr_targeted", true)]
    [InlineData("kl_clean_to_adv", false)]
    public void Compute_AnyForm_HasTheGradientOfFiniteDifferences(string name, bool targeted)
    {
        using var scope = NewDisposeScope();
        var golden = GoldenFile.Load("losses");
        var targets = targeted ? golden.Classes("targets") : null;
        GradientCheck.Agrees(
            z => Of(name).Compute(Inputs(golden, name, z) with { Targets = targets }).sum(), golden.Tensor("student_adv"), 1e-6);
    }

    [Fact]
    public void Compute_TargetedCrossEntropyAndMargin_AreTheNegatedLossOfTheTarget()
    {
        using var scope = NewDisposeScope();
        var z = tensor(new[] { 1.0, 2, 4, -1, 0, -3 }, [2, 3]);
        var labels = tensor([2L, 1L]);
        var targets = tensor([0L, 2L]);
        var inputs = new AttackLossInputs(z, labels, targets, []);
        TensorAssert.Close(AttackLoss.Margin.Compute(inputs), [1 - 4, -3 - 0], 1e-15);
        var logP0 = 1 - Math.Log(Math.Exp(1) + Math.Exp(2) + Math.Exp(4));
        var logP1 = -3 - Math.Log(Math.Exp(-1) + 1 + Math.Exp(-3));
        TensorAssert.Close(AttackLoss.CrossEntropy.Compute(inputs), [logP0, logP1], 1e-12);
    }

    [Fact]
    public void Margin_AllOtherLogitsNegative_SeesThem()
    {
        using var scope = NewDisposeScope();
        var inputs = new AttackLossInputs(tensor(new[] { 2.0, -1, -5 }, [1, 3]), tensor([0L]), null, []);
        TensorAssert.Close(AttackLoss.Margin.Compute(inputs), [-3], 1e-15);
    }

    [Fact]
    public void Dlr_TooFewClasses_SaysWhatToUse()
    {
        using var scope = NewDisposeScope();
        var two = () => AttackLoss.Dlr.Compute(new AttackLossInputs(rand(1, 2), tensor([0L]), null, []));
        two.Should().Throw<InvalidOperationException>().WithMessage("*at least 3 classes*Margin*");
        var three = () => AttackLoss.Dlr.Compute(new AttackLossInputs(rand(1, 3), tensor([0L]), tensor([1L]), []));
        three.Should().Throw<InvalidOperationException>().WithMessage("*targeted DLR*at least 4*");
    }

    [Fact]
    public void KlAndCustom_Targeted_AreRefused()
    {
        using var scope = NewDisposeScope();
        var inputs = new AttackLossInputs(rand(1, 3), tensor([0L]), tensor([1L]), [rand(1, 3)]);
        var kl = () => AttackLoss.KlToClean.Compute(inputs);
        kl.Should().Throw<InvalidOperationException>().WithMessage("*no targeted form*");
        var custom = () => AttackLoss.Custom("mine", (z, _) => z.sum(1)).Compute(inputs);
        custom.Should().Throw<InvalidOperationException>().WithMessage("*'mine'*no targeted form*");
    }

    [Fact]
    public void KlToTeacher_TeacherWithOtherClasses_IsRefused()
    {
        using var scope = NewDisposeScope();
        var inputs = new AttackLossInputs(rand(2, 3), tensor([0L, 1L]), null, [rand(2, 4)]);
        var act = () => AttackLoss.KlToTeacher(TinyModels.Linear()).Compute(inputs);
        act.Should().Throw<InvalidOperationException>().WithMessage("*teacher returned ?2,4?*model ?2,3?*");
    }

    [Fact]
    public void KlToTeacher_Prepare_RunsTheTeacherInEvalModeAndRestoresIt()
    {
        using var scope = NewDisposeScope();
        using var teacher = TinyModels.Smooth();
        teacher.train();
        var images = TinyModels.Images(3);
        var reference = AttackLoss.KlToTeacher(teacher).Prepare(new(TinyModels.Linear(), images));
        teacher.training.Should().BeTrue();
        teacher.eval();
        using var noGrad = no_grad();
        TensorAssert.Same(reference.Single(), teacher.call(images).log_softmax(1));
    }

    private static IAttackLoss Of(string name) => name switch
    {
        "ce" => AttackLoss.CrossEntropy,
        "margin" => AttackLoss.Margin,
        "kl_clean_to_adv" => AttackLoss.KlToClean,
        _ => AttackLoss.Dlr,
    };

    private static AttackLossInputs Inputs(GoldenFile golden, string name, Tensor logits) => new(
        logits,
        golden.Classes("labels"),
        name == "dlr_targeted" ? golden.Classes("targets") : null,
        name == "kl_clean_to_adv" ? [golden.Tensor("student_clean").log_softmax(1)] : []);
}
