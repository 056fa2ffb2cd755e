using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>Losses made of cross-entropy and KL: standard and adversarial training, KD and ARD.</summary>
public sealed class HardAndSoftLossTests
{
    [Fact]
    public void StandardAndAdversarialTraining_AreCrossEntropyOnTheirPass()
    {
        using var scope = NewDisposeScope();
        var inputs = LossData.All(6);
        LossData.Value(new StandardTrainingLoss(), inputs).Should().BeApproximately(LossReference.CrossEntropy(inputs.StudentClean!.Output, inputs.Labels), 1e-12);
        LossData.Value(new AdversarialTrainingLoss(), inputs).Should().BeApproximately(LossReference.CrossEntropy(inputs.StudentAdversarial!.Output, inputs.Labels), 1e-12);
        new StandardTrainingLoss().Needs.Networks.Should().BeEmpty();
        new StandardTrainingLoss().Needs.CraftedImages.Should().BeEmpty();
        new AdversarialTrainingLoss().Needs.Networks.Should().BeEmpty();
        new AdversarialTrainingLoss().Needs.CraftedImages.Should().Equal(ImageSource.Adversarial);
    }

    [Theory]
    [InlineData(0, 4)]
    [InlineData(0.3, 4)]
    [InlineData(1, 4)]
    [InlineData(0.3, 1)]
    public void Kd_AlphaAndTemperature_FollowTheFormula(double alpha, double temperature)
    {
        using var scope = NewDisposeScope();
        var inputs = LossData.All(6);
        var student = inputs.StudentClean!.Output;
        var kl = LossReference.KlPerSample(student, inputs.TeacherClean!.Output, temperature).Average() * temperature * temperature;
        var expected = alpha * kl + (1 - alpha) * LossReference.CrossEntropy(student, inputs.Labels);
        var terms = new KdLoss(new() { Alpha = alpha, Temperature = temperature }).Compute(inputs);
        terms.Total.ToDouble().Should().BeApproximately(expected, 1e-12);
        string[] parts = [.. alpha > 0 ? new[] { "kl", "replaced" } : [], .. alpha < 1 ? new[] { "ce" } : []];
        terms.Parts.Keys.Should().BeEquivalentTo(parts);
    }

    [Theory]
    [InlineData(HardLabelInput.Adversarial)]
    [InlineData(HardLabelInput.Clean)]
    public void Ard_HardLabelInput_DecidesWhereTheCrossEntropyIsTaken(HardLabelInput input)
    {
        using var scope = NewDisposeScope();
        var inputs = LossData.All(6);
        var kl = LossReference.KlPerSample(inputs.StudentAdversarial!.Output, inputs.TeacherClean!.Output, 2).Average() * 4;
        var hard = input == HardLabelInput.Clean ? inputs.StudentClean! : inputs.StudentAdversarial;
        var loss = new ArdLoss(new() { Alpha = 0.6, Kl = new() { Temperature = 2 }, HardLabelInput = input });
        LossData.Value(loss, inputs).Should().BeApproximately(0.6 * kl + 0.4 * LossReference.CrossEntropy(hard.Output, inputs.Labels), 1e-12);
        loss.Needs.Passes.Contains(NetworkPass.StudentClean).Should().Be(input == HardLabelInput.Clean);
        new ArdLoss(new() { HardLabelInput = input }).Needs.Passes.Contains(NetworkPass.StudentClean).Should().BeFalse("with alpha = 1 there is no cross-entropy");
    }

    [Theory]
    [InlineData(TeacherData.RobustAdversarial)]
    [InlineData(TeacherData.CleanAdversarial)]
    public void Ard_AdversarialTeacherData_UsesAndNeedsTheTeachersOwnPass(TeacherData data)
    {
        using var scope = NewDisposeScope();
        var inputs = LossData.All(6);
        var loss = new ArdLoss(new() { TeacherData = data });
        LossData.Value(loss, inputs).Should().BeApproximately(
            LossReference.KlPerSample(inputs.StudentAdversarial!.Output, inputs.TeacherAdversarial!.Output, 1).Average(), 1e-12);
        loss.Needs.Passes.Should().BeEquivalentTo([NetworkPass.StudentAdversarial, NetworkPass.TeacherAdversarial]);
        loss.Invoking(l => l.Compute(inputs with { TeacherAdversarial = null })).Should().Throw<ArgumentException>().WithMessage("*teacher on images adversarial to teacher*");
    }

    [Fact]
    public void Ard_ElementMean_DividesByTheNumberOfClasses()
    {
        using var scope = NewDisposeScope();
        var inputs = LossData.All(6);
        var mean = LossData.Value(new ArdLoss(new() { Kl = new() { Temperature = 30 } }), inputs);
        LossData.Value(new ArdLoss(new() { Kl = new() { Temperature = 30, Reduction = KlReduction.ElementMean } }), inputs).Should().BeApproximately(mean / LossData.Classes, 1e-12);
    }

    [Fact]
    public void Ard_GradientOfBothTerms_AgreesWithFiniteDifferences()
    {
        using var scope = NewDisposeScope();
        var inputs = LossData.All(3);
        var loss = new ArdLoss(new() { Alpha = 0.4, Kl = new() { Temperature = 3, LabelReplacement = LabelReplacement.Probabilities } });
        GradientCheck.Agrees(logits => loss.Compute(inputs with { StudentAdversarial = new(logits) }).Total, inputs.StudentAdversarial!.Output, 1e-7);
    }

    [Fact]
    public void Compute_LogitsOnCleanImagesOfAnotherShape_NamesBothShapes()
    {
        using var scope = NewDisposeScope();
        var inputs = LossData.All(3) with { StudentClean = new(LossData.Logits(3, 1, classes: 4)) };
        var loss = new ArdLoss(new() { Alpha = 0.5, HardLabelInput = HardLabelInput.Clean });
        loss.Invoking(l => l.Compute(inputs)).Should().Throw<ArgumentException>().WithMessage("*[3,5]*").WithMessage("*[3,4]*");
    }
}
