using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>The public parts from which losses, the library's and others', are made.</summary>
public sealed class LossPartsTests
{
    [Fact]
    public void Build_WeightedTerms_AddUpAndKeepTheirValuesBeforeTheWeight()
    {
        using var scope = NewDisposeScope();
        var leaf = tensor(3.0, requires_grad: true);
        LossTerms terms;
        using (NewDisposeScope())
        {
            var builder = new LossTermsBuilder();
            builder.Add("a", leaf * 2);
            builder.Add("b", leaf * leaf, weight: 0.5);
            builder.AddPart("c", leaf + 1);
            terms = builder.Build();
        }
        terms.Total.ToDouble().Should().Be(3 * 2 + 0.5 * 9);
        terms.Parts.Keys.Should().Equal("a", "b", "c");
        (terms.Parts["a"].ToDouble(), terms.Parts["b"].ToDouble(), terms.Parts["c"].ToDouble()).Should().Be((6, 9, 4));
        terms.Parts.Values.Should().OnlyContain(part => !part.requires_grad);
        terms.Total.backward();
        leaf.grad!.ToDouble().Should().Be(2 + 3);
    }

    [Fact]
    public void Build_WithoutATerm_SaysWhatIsMissing()
    {
        var builder = new LossTermsBuilder();
        builder.Invoking(b => b.Build()).Should().Throw<InvalidOperationException>().WithMessage("*no term*Add*");
        builder.Invoking(b => b.Add("a", null!)).Should().Throw<ArgumentNullException>();
        builder.Invoking(b => b.AddPart(null!, null!)).Should().Throw<ArgumentNullException>();
    }

    [Fact]
    public void PerSample_AtATemperature_IsTheDivergenceOfTheScaledLogits()
    {
        using var scope = NewDisposeScope();
        var (reference, logits) = (tensor(new[,] { { 2 * Math.Log(3), 0 } }), tensor(new[,] { { 0.0, 0 } }));
        var expected = 0.75 * Math.Log(0.75 / 0.5) + 0.25 * Math.Log(0.25 / 0.5);
        KlDivergence.PerSample(reference, logits, temperature: 2).ToDouble().Should().BeApproximately(expected, 1e-12);
        KlDivergence.PerSample(logits, logits).ToDouble().Should().Be(0);
        KlDivergence.Reduce(tensor(new[] { 1.0, 3 }), classes: 4, KlReduction.BatchMean).ToDouble().Should().Be(2);
        KlDivergence.Reduce(tensor(new[] { 1.0, 3 }), classes: 4, KlReduction.ElementMean).ToDouble().Should().Be(0.5);
        KlDivergence.Reduce(tensor(new[] { 1.0, 3 }), classes: 4, KlReduction.Sum).ToDouble().Should().Be(4);
        FluentActions.Invoking(() => KlDivergence.PerSample(reference, logits, temperature: 0)).Should().Throw<ArgumentOutOfRangeException>().WithMessage("*temperature*positive*");
    }

    [Fact]
    public void Checks_WhatDoesNotFit_IsNamed()
    {
        using var scope = NewDisposeScope();
        var labels = tensor(new long[] { 0, 1 });
        var inputs = new DistillationInputs { Labels = labels };
        FluentActions.Invoking(() => LossGuard.SameLogits(inputs)).Should().Throw<ArgumentException>().WithMessage("*at least one pass*");
        FluentActions.Invoking(() => LossGuard.SameLogits(inputs, ("first", zeros(2, 3)), ("second", zeros(2, 4)))).Should().Throw<ArgumentException>()
            .WithMessage("second has logits of shape [2,4] and first of [2,3]*");
        FluentActions.Invoking(() => SoftLabels.Of(zeros(2, 3), labels, double.NaN, LabelReplacement.None)).Should().Throw<ArgumentOutOfRangeException>();
    }

    [Fact]
    public void Squared_AndRoot_AreTheDistanceOfUnitVectors()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (tensor(new[,] { { 3.0, 4 } }), tensor(new[,] { { 4.0, 3 } }));
        var squared = FeatureDistance.Squared(a, b, FeatureNormalization.UnitChannel);
        squared.ToDouble().Should().BeApproximately(2 * 0.04, 1e-10);
        FeatureDistance.Root(squared).ToDouble().Should().BeApproximately(Math.Sqrt(0.08), 1e-9);
        FeatureDistance.Root(zeros(1)).ToDouble().Should().BeApproximately(1e-6, 1e-12);
    }
}
