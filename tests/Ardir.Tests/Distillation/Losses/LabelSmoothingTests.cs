using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>Smoothed labels: (1-s) on the true class and s/K on every class, in every cross-entropy with the true labels and nowhere else.</summary>
public sealed class LabelSmoothingTests
{
    [Theory]
    [InlineData("Standard", 1)]
    [InlineData("SAT", 1)]
    [InlineData("KD", 0.1)]
    [InlineData("ARD hard", 0.5)]
    [InlineData("ARDIR RA", 0.5)]
    [InlineData("TRADES", 1)]
    [InlineData("MART", 1)]
    [InlineData("IAD-I begun", 0.2)]
    [InlineData("IAD-II", 0.25)]
    [InlineData("AKD2", 0.3)]
    public void Compute_LabelSmoothing_ChangesTheCrossEntropyByItsFormula(string name, double weight)
    {
        using var scope = NewDisposeScope();
        const double Smoothing = 0.3;
        var loss = LossCases.Make(name);
        var inputs = LossData.All(4);
        var clean = name is "Standard" or "KD" or "ARD hard" or "TRADES" or "IAD-I begun";
        var logits = LossReference.Rows((clean ? inputs.StudentClean! : inputs.StudentAdversarial!).Output);
        var labels = TensorAssert.Longs(inputs.Labels);
        var expected = logits.Select((row, i) =>
            (1 - Smoothing) * LossReference.CrossEntropy(row, labels[i]) + Smoothing * Enumerable.Range(0, LossData.Classes).Average(k => LossReference.CrossEntropy(row, k))).Average();
        var plain = logits.Select((row, i) => LossReference.CrossEntropy(row, labels[i])).Average();

        var smoothed = loss.Compute(inputs with { LabelSmoothing = Smoothing });
        smoothed.Parts[LossTerms.CrossEntropy].ToDouble().Should().BeApproximately(expected, 1e-10);
        (smoothed.Total.ToDouble() - LossData.Value(loss, inputs)).Should().BeApproximately(weight * (expected - plain), 1e-10);
    }

    [Theory]
    [InlineData("ARD")]
    [InlineData("KL")]
    [InlineData("LPIPS")]
    [InlineData("ARDIR")]
    [InlineData("RSLAD")]
    [InlineData("IAD-I")]
    public void Compute_LabelSmoothingWithoutCrossEntropy_ChangesNothing(string name)
    {
        using var scope = NewDisposeScope();
        var inputs = LossData.All(4);
        var loss = LossCases.Make(name);
        LossData.Value(loss, inputs with { LabelSmoothing = 0.3 }).Should().Be(LossData.Value(loss, inputs));
    }

    [Fact]
    public void Inputs_SmoothingOrEpochOutOfRange_AreRefused()
    {
        using var scope = NewDisposeScope();
        var inputs = LossData.All(2);
        foreach (var smoothing in new[] { -0.1, 1, double.NaN })
            FluentActions.Invoking(() => inputs with { LabelSmoothing = smoothing }).Should().Throw<ArgumentOutOfRangeException>().WithMessage("*[0,1)*");
        FluentActions.Invoking(() => inputs with { Epoch = -1 }).Should().Throw<ArgumentOutOfRangeException>().WithMessage("*Epoch*");
        (inputs.LabelSmoothing, inputs.Epoch).Should().Be((0, 0));
    }
}
