using Ardir.Core;
using Ardir.Distillation;
using CsCheck;

namespace Ardir.Tests;

public sealed class LpipsInternalLossTests
{
    public static TheoryData<FeatureNormalization, FeatureDistanceForm> Combinations
    {
        get
        {
            var data = new TheoryData<FeatureNormalization, FeatureDistanceForm>();
            foreach (var normalization in Enum.GetValues<FeatureNormalization>())
                foreach (var form in Enum.GetValues<FeatureDistanceForm>()) data.Add(normalization, form);
            return data;
        }
    }

    [Theory, MemberData(nameof(Combinations))]
    public void Distance_AnyNormalizationAndForm_FollowsTheFormula(FeatureNormalization normalization, FeatureDistanceForm form)
    {
        using var scope = NewDisposeScope();
        var (student, teacher) = (LossData.Maps(3, 1), LossData.Maps(3, 2));
        foreach (var weights in new double[]?[] { null, [0.25, 3] })
        {
            var options = new LpipsInternalLossOptions { Normalization = normalization, Form = form, LayerWeights = weights };
            var distance = new LpipsInternalLoss(options).Distance(LossData.Named(student), LossData.Named(teacher));
            var expected = LossReference.Lpips(student, teacher, options);
            TensorAssert.Close(distance, expected, 1e-9 * Math.Max(1, expected.Max()));
        }
    }

    [Theory, MemberData(nameof(Combinations))]
    public void Compute_Gradient_AgreesWithFiniteDifferences(FeatureNormalization normalization, FeatureDistanceForm form)
    {
        using var scope = NewDisposeScope();
        var loss = new LpipsInternalLoss(new() { Normalization = normalization, Form = form, LayerWeights = [0.5, 2] });
        // Positive maps: near a zero sum the literal Eq. 10 has no finite differences to speak of.
        var student = new[] { TinyModels.Random([2, 3, 2, 2], 1, low: 0.2, high: 1), TinyModels.Random([2, 2, 2, 1], 2, low: 0.2, high: 1) };
        var teacher = new[] { TinyModels.Random([2, 3, 2, 2], 3, low: 0.2, high: 1), TinyModels.Random([2, 2, 2, 1], 4, low: 0.2, high: 1) };
        GradientCheck.Agrees(map => loss.Distance(LossData.Named(map, student[1]), LossData.Named(teacher)).sum(), student[0], 1e-7);
        GradientCheck.Agrees(map => loss.Distance(LossData.Named(student[0], map), LossData.Named(teacher)).sum(), student[1], 1e-7);
    }

    [Fact]
    public void Distance_SpatialSumNearZero_KeepsTheSignOfTheFloor()
    {
        using var scope = NewDisposeScope();
        // Sums of -1e-9 and +1e-9 over 4 positions: both below the floor of 4e-6.
        var student = tensor(new[] { 1, -1, 0.5, -0.5 - 1e-9, 1, -1, 0.5, -0.5 + 1e-9 }, [1, 2, 2, 2]);
        var teacher = ones(1, 2, 2, 2, dtype: ScalarType.Float64);
        var options = new LpipsInternalLossOptions { Normalization = FeatureNormalization.SpatialSum, Form = FeatureDistanceForm.Squared };
        var expected = LossReference.Lpips([student], [teacher], options);
        expected[0].Should().BeGreaterThan(1e10);
        TensorAssert.Close(new LpipsInternalLoss(options).Distance(LossData.Named(student), LossData.Named(teacher)), expected, expected[0] * 1e-9);
    }

    [Fact]
    public void Distance_UnitChannel_LiesBetweenZeroAndTwiceTheRootOfLayers() =>
        Gen.Select(Gen.Int[1, 3], Gen.Int[0, 100_000], Gen.Double[1e-3, 1e3], Gen.Bool).Sample((layers, seed, size, opposite) =>
        {
            using var scope = NewDisposeScope();
            var student = Enumerable.Range(0, layers).Select(i => TinyModels.Random([2, 3, 2, 2], seed + i, low: -size, high: size)).ToArray();
            var teacher = opposite ? [.. student.Select(map => -map)] : Enumerable.Range(0, layers).Select(i => TinyModels.Random([2, 3, 2, 2], seed + 7 + i, low: -1, high: 1)).ToArray();
            var distance = TensorAssert.Values(new LpipsInternalLoss().Distance(LossData.Named(student), LossData.Named(teacher)));
            var most = 2 * Math.Sqrt(layers);
            distance.Should().OnlyContain(d => d >= 0 && d <= most + 1e-6);
            if (opposite) distance.Should().OnlyContain(d => d > most - 1e-3);
        }, iter: 60, threads: 1);

    [Fact]
    public void Distance_UnitChannel_IgnoresAPositiveScaleOfEachPosition() =>
        Gen.Select(Gen.Int[0, 100_000], Gen.Double[0.1, 50]).Sample((seed, most) =>
        {
            using var scope = NewDisposeScope();
            var (student, teacher) = (TinyModels.Random([2, 3, 2, 3], seed, low: 0.1, high: 1), TinyModels.Random([2, 3, 2, 3], seed + 1, low: -1, high: -0.1));
            var scale = TinyModels.Random([2, 1, 2, 3], seed + 2, low: 0.05, high: most + 0.05);
            var loss = new LpipsInternalLoss();
            var plain = loss.Distance(LossData.Named(student), LossData.Named(teacher));
            TensorAssert.Close(loss.Distance(LossData.Named(student * scale), LossData.Named(teacher)), plain, 1e-5);
            TensorAssert.Close(loss.Distance(LossData.Named(teacher), LossData.Named(student)), plain, 1e-12);
        }, iter: 40, threads: 1);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Compute_PositionsOfZeros_PassAGradientUnlessBlocked(bool block)
    {
        using var scope = NewDisposeScope();
        var map = TinyModels.Random([1, 3, 2, 2], 1, low: 0.2, high: 1);
        map[0, .., 1, 0] = 0;
        var (leaf, teacher) = (map.clone().requires_grad_(), TinyModels.Random([1, 3, 2, 2], 2, low: 0.2, high: 1));
        var options = new LpipsInternalLossOptions { BlockZeroPositions = block };
        var total = new LpipsInternalLoss(options).Compute(new TappedOutput(leaf, LossData.Named(leaf)), new TappedOutput(teacher, LossData.Named(teacher))).Total;
        total.backward();
        total.ToDouble().Should().BeApproximately(LossReference.Lpips([map], [teacher], options)[0], 1e-12);
        var dead = leaf.grad![0, .., 1, 0].abs().sum().ToDouble();
        if (block) dead.Should().Be(0);
        else dead.Should().BeInRange(1e3, 1e6, "the slope is bounded by 1/sqrt(1e-10)");
        leaf.grad![0, .., 0, 0].abs().sum().ToDouble().Should().BePositive();
    }

    [Fact]
    public void Compute_Parts_AreTheMeanDistanceOfEachLayer()
    {
        using var scope = NewDisposeScope();
        var (student, teacher) = (LossData.Pass(4, 1), LossData.Pass(4, 2));
        var terms = new LpipsInternalLoss(new() { LayerWeights = [2, 3] }).Compute(student, teacher);
        terms.Parts.Keys.Should().BeEquivalentTo("lpips", "lpips/layer1", "lpips/layer2");
        terms.Parts[LossTerms.Lpips].ToDouble().Should().Be(terms.Total.ToDouble());
        for (var layer = 0; layer < 2; layer++)
        {
            var expected = Enumerable.Range(0, 4).Average(i => Math.Sqrt(LossReference.SquaredDistance(
                LossReference.Sample(student.Features[layer], i), LossReference.Sample(teacher.Features[layer], i), FeatureNormalization.UnitChannel)));
            terms.Parts[$"lpips/layer{layer + 1}"].ToDouble().Should().BeApproximately(expected, 1e-9);
        }
    }

    [Fact]
    public void Distance_VectorsInsteadOfMaps_CountAsOnePosition()
    {
        using var scope = NewDisposeScope();
        var (student, teacher) = (TinyModels.Random([3, 7], 1, low: -1), TinyModels.Random([3, 7], 2, low: -1));
        var flat = new LpipsInternalLoss().Distance(LossData.Named(student), LossData.Named(teacher));
        TensorAssert.Close(flat, LossReference.Lpips([student.reshape(3, 7, 1, 1)], [teacher.reshape(3, 7, 1, 1)], new()), 1e-12);
    }

    [Theory]
    [InlineData(ScalarType.Float16)]
    [InlineData(ScalarType.BFloat16)]
    public void Distance_HalfPrecision_IsComputedInFloat32(ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        var (student, teacher) = (LossData.Maps(3, 1, dtype), LossData.Maps(3, 2, dtype));
        Tensor[] Wide(Tensor[] maps) => [.. maps.Select(map => map.to(ScalarType.Float32))];
        var loss = new LpipsInternalLoss();
        var half = loss.Distance(LossData.Named(student), LossData.Named(teacher));
        half.dtype.Should().Be(ScalarType.Float32);
        TensorAssert.Same(half, loss.Distance(LossData.Named(Wide(student)), LossData.Named(Wide(teacher))));
    }

    [Fact]
    public void Compute_Teacher_GetsNoGradient()
    {
        using var scope = NewDisposeScope();
        var (student, teacher) = (LossData.Pass(3, 1), LossData.Pass(3, 2));
        foreach (var map in student.Features.Concat(teacher.Features)) map.requires_grad_();
        new LpipsInternalLoss().Compute(student, teacher).Total.backward();
        teacher.Features.Select(map => map.grad is null).Should().NotContain(false);
        student.Features.Should().OnlyContain(map => map.grad!.abs().sum().ToDouble() > 0);
    }
}
