using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Tests;

public sealed class ArdirLossTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2.5)]
    [InlineData(4)]
    [InlineData(30)]
    public void Compute_BetaZero_IsArdWithReplacementBitForBit(double temperature)
    {
        using var scope = NewDisposeScope();
        var ardir = new ArdirLoss(new() { Beta = 0, Kl = new() { Temperature = temperature } });
        var ard = new ArdLoss(new() { Kl = new() { Temperature = temperature, LabelReplacement = LabelReplacement.Probabilities } });
        var inputs = LossData.All(16, dtype: ScalarType.Float32);
        var (first, second) = (Leaf(inputs), Leaf(inputs));
        var (a, b) = (ardir.Compute(first), ard.Compute(second));
        a.Total.backward();
        b.Total.backward();
        a.Total.dtype.Should().Be(ScalarType.Float32);
        TensorAssert.Same(a.Total, b.Total);
        TensorAssert.Same(first.StudentAdversarial!.Output.grad!, second.StudentAdversarial!.Output.grad!);
        ardir.Needs.Should().BeEquivalentTo(ard.Needs with { InnerMaximization = ardir.Needs.InnerMaximization }, "the released code of ARD crafts in train mode, ARDIR in eval mode");
    }

    [Fact]
    public void Compute_EveryTerm_AddsUpAsWeighted()
    {
        using var scope = NewDisposeScope();
        var inputs = LossData.All(6);
        var options = new ArdirLossOptions { Beta = 0.3, Kl = new() { Temperature = 4 }, CrossEntropyWeight = 0.7, Features = new() { LayerWeights = [0.5, 2], Form = FeatureDistanceForm.SumOfLayerNorms } };
        var terms = new ArdirLoss(options).Compute(inputs);
        var (student, teacher) = (inputs.StudentAdversarial!, inputs.TeacherClean!);
        var kl = new KlDivergenceLoss(new() { Temperature = 4, LabelReplacement = LabelReplacement.Probabilities }).Compute(student, teacher, inputs.Labels).Total.ToDouble();
        var lpips = LossReference.Lpips([.. student.Features], [.. teacher.Features], options.Features).Average();
        var crossEntropy = LossReference.CrossEntropy(student.Output, inputs.Labels);
        terms.Total.ToDouble().Should().BeApproximately(0.7 * kl + 0.3 * lpips + 0.7 * crossEntropy, 1e-10);
        terms.Parts.Keys.Should().BeEquivalentTo("kl", "replaced", "lpips", "lpips/layer1", "lpips/layer2", "ce");
        terms.Parts[LossTerms.Kl].ToDouble().Should().BeApproximately(kl, 1e-12);
        terms.Parts[LossTerms.Lpips].ToDouble().Should().BeApproximately(lpips, 1e-10);
        terms.Parts[LossTerms.CrossEntropy].ToDouble().Should().BeApproximately(crossEntropy, 1e-12);
        terms.Parts[LossTerms.Replaced].ToDouble().Should().Be(0.5);
    }

    [Fact]
    public void Compute_OptionsOfTheTerms_ReachThem()
    {
        using var scope = NewDisposeScope();
        var inputs = LossData.All(6);
        var (student, teacher) = (inputs.StudentAdversarial!, inputs.TeacherClean!);
        double Kl(KlDivergenceLossOptions options) => new KlDivergenceLoss(options).Compute(student, teacher, inputs.Labels).Total.ToDouble();
        double Lpips(LpipsInternalLossOptions options) => LossReference.Lpips([.. student.Features], [.. teacher.Features], options).Average();
        var probabilities = LabelReplacement.Probabilities;
        var cases = new (ArdirLossOptions Options, double Expected)[]
        {
            (new() { Beta = 0, Kl = new() { Temperature = 3, ScaleByTemperatureSquared = false } }, Kl(new() { Temperature = 3, ScaleByTemperatureSquared = false, LabelReplacement = probabilities })),
            (new() { Beta = 0, Kl = new() { Reduction = KlReduction.ElementMean } }, Kl(new() { LabelReplacement = probabilities }) / LossData.Classes),
            (new() { Beta = 0, Kl = new() { Reduction = KlReduction.Sum } }, Kl(new() { LabelReplacement = probabilities }) * 6),
            (new() { Beta = 0, Kl = new() { LabelReplacement = LabelReplacement.None, Direction = KlDirection.StudentTeacher } }, Kl(new() { Direction = KlDirection.StudentTeacher })),
            (new() { Beta = 0, Kl = new() { LabelReplacement = LabelReplacement.Logits } }, Kl(new() { LabelReplacement = LabelReplacement.Logits })),
            (new() { Beta = 0, Kl = new() { HardLabelTemperature = 5 } }, Kl(new() { LabelReplacement = probabilities, HardLabelTemperature = 5 })),
            (new() { Beta = 1, Features = new() { Normalization = FeatureNormalization.SpatialL1 } }, Lpips(new() { Normalization = FeatureNormalization.SpatialL1 })),
            (new() { Beta = 1, Features = new() { Normalization = FeatureNormalization.SpatialL2 } }, Lpips(new() { Normalization = FeatureNormalization.SpatialL2 })),
            (new() { Beta = 1, Features = new() { Form = FeatureDistanceForm.Squared } }, Lpips(new() { Form = FeatureDistanceForm.Squared })),
            (new() { Beta = 1, Features = new() { LayerWeights = [3, 0] } }, Lpips(new() { LayerWeights = [3, 0] })),
        };
        foreach (var (options, expected) in cases)
            new ArdirLoss(options).Compute(inputs).Total.ToDouble().Should().BeApproximately(expected, 1e-10, options.ToString());
    }

    [Fact]
    public void Compute_BlockZeroPositions_ReachesTheFeatureTerm()
    {
        using var scope = NewDisposeScope();
        var inputs = LossData.All(2);
        var features = inputs.StudentAdversarial!.Features;
        features[0].zero_();
        foreach (var block in new[] { false, true })
        {
            var leaf = features[0].clone().requires_grad_();
            var student = new TappedOutput(inputs.StudentAdversarial.Output, LossData.Named(leaf, features[1]));
            new ArdirLoss(new() { Features = new() { BlockZeroPositions = block } }).Compute(student, inputs.TeacherClean!, inputs.Labels).Total.backward();
            (leaf.grad!.abs().sum().ToDouble() == 0).Should().Be(block);
        }
    }

    [Fact]
    public void Compute_MaskedFeatures_LeaveOutSamplesThatTheTeacherGetsWrong()
    {
        using var scope = NewDisposeScope();
        var inputs = LossData.All(5);
        var distances = LossReference.Lpips([.. inputs.StudentAdversarial!.Features], [.. inputs.TeacherClean!.Features], new());
        var expected = (distances[0] + distances[2] + distances[4]) / 5;
        new ArdirLoss(new() { Beta = 1, MaskFeaturesOfWrongTeacher = true }).Compute(inputs).Total.ToDouble().Should().BeApproximately(expected, 1e-10);
    }

    [Fact]
    public void Compute_CleanFeatureInput_TakesMapsFromTheCleanPassAndLogitsFromTheAdversarial()
    {
        using var scope = NewDisposeScope();
        var inputs = LossData.All(5);
        var loss = new ArdirLoss(new() { Beta = 0.5, FeatureInput = FeatureInput.Clean });
        var lpips = LossReference.Lpips([.. inputs.StudentClean!.Features], [.. inputs.TeacherClean!.Features], new()).Average();
        var kl = new KlDivergenceLoss(new() { LabelReplacement = LabelReplacement.Probabilities }).Compute(inputs.StudentAdversarial!, inputs.TeacherClean!, inputs.Labels).Total.ToDouble();
        loss.Compute(inputs).Total.ToDouble().Should().BeApproximately(0.5 * kl + 0.5 * lpips, 1e-10);
        loss.Needs.Passes.Should().BeEquivalentTo([NetworkPass.StudentAdversarial, NetworkPass.StudentClean, NetworkPass.TeacherClean]);
        loss.Invoking(l => l.Compute(inputs.StudentAdversarial!, inputs.TeacherClean!, inputs.Labels)).Should().Throw<InvalidOperationException>().WithMessage("*Compute(DistillationInputs)*");
        new ArdirLoss(new() { Beta = 0, FeatureInput = FeatureInput.Clean }).Needs.Passes.Should().BeEquivalentTo([NetworkPass.StudentAdversarial, NetworkPass.TeacherClean]);
    }

    [Theory]
    [InlineData(TeacherData.RobustClean, false)]
    [InlineData(TeacherData.CleanClean, false)]
    [InlineData(TeacherData.RobustAdversarial, true)]
    [InlineData(TeacherData.CleanAdversarial, true)]
    public void Compute_TeacherData_DecidesWhichTeacherPassIsUsed(TeacherData data, bool adversarial)
    {
        using var scope = NewDisposeScope();
        var inputs = LossData.All(5);
        var teacher = adversarial ? inputs.TeacherAdversarial! : inputs.TeacherClean!;
        var expected = new ArdirLoss().Compute(inputs.StudentAdversarial!, teacher, inputs.Labels).Total.ToDouble();
        var loss = new ArdirLoss(new() { TeacherData = data });
        loss.Needs.Passes.Should().BeEquivalentTo([NetworkPass.StudentAdversarial, adversarial ? NetworkPass.TeacherAdversarial : NetworkPass.TeacherClean]);
        loss.Compute(inputs).Total.ToDouble().Should().Be(expected);
        loss.Invoking(l => l.Compute(adversarial ? inputs with { TeacherAdversarial = null } : inputs with { TeacherClean = null }))
            .Should().Throw<ArgumentException>().WithMessage(adversarial ? "*teacher on images adversarial to teacher*" : "*teacher on clean images*");
    }

    [Fact]
    public void Needs_LayersOfTheTeacher_DefaultToTheStudents()
    {
        var same = new ArdirLoss(new() { Features = new() { Layers = ["a", "b"] } }).Needs;
        same.StudentLayers.Should().Equal("a", "b");
        same.TeacherLayers.Should().Equal("a", "b");
        var own = new ArdirLoss(new() { Features = new() { Layers = ["a"], TeacherLayers = ["x"] } }).Needs;
        own.StudentLayers.Should().Equal("a");
        own.TeacherLayers.Should().Equal("x");
        new ArdirLoss(new() { Beta = 0 }).Needs.StudentLayers.Should().BeEmpty();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Compute_Gradient_AgreesWithFiniteDifferences(bool mask)
    {
        using var scope = NewDisposeScope();
        var inputs = LossData.All(2);
        var (student, teacher) = (inputs.StudentAdversarial!, inputs.TeacherClean!);
        var loss = new ArdirLoss(new() { Beta = 0.4, Kl = new() { Temperature = 2 }, CrossEntropyWeight = 0.5, MaskFeaturesOfWrongTeacher = mask });
        GradientCheck.Agrees(logits => loss.Compute(new TappedOutput(logits, student.Features), teacher, inputs.Labels).Total, student.Output, 1e-7);
        GradientCheck.Agrees(map => loss.Compute(new TappedOutput(student.Output, LossData.Named(map, student.Features[1])), teacher, inputs.Labels).Total, student.Features[0], 1e-7);
    }

    [Fact]
    public void Compute_HalfPrecision_IsComputedInFloat32()
    {
        using var scope = NewDisposeScope();
        var half = LossData.All(4, dtype: ScalarType.BFloat16);
        TappedOutput Wide(TappedOutput pass) => new(pass.Output.to(ScalarType.Float32), LossData.Named([.. pass.Features.Select(map => map.to(ScalarType.Float32))]));
        var loss = new ArdirLoss();
        TensorAssert.Same(loss.Compute(half).Total, loss.Compute(Wide(half.StudentAdversarial!), Wide(half.TeacherClean!), half.Labels).Total);
    }

    [Fact]
    public void Compute_Teacher_GetsNoGradient()
    {
        using var scope = NewDisposeScope();
        var inputs = LossData.All(4);
        foreach (var tensor in LossData.Teacher(inputs).Concat(LossData.Tensors(inputs.StudentAdversarial))) tensor.requires_grad_();
        new ArdirLoss(new() { MaskFeaturesOfWrongTeacher = true }).Compute(inputs).Total.backward();
        LossData.Teacher(inputs).Select(tensor => tensor.grad is null).Should().NotContain(false);
        LossData.Tensors(inputs.StudentAdversarial).Should().OnlyContain(tensor => tensor.grad!.abs().sum().ToDouble() > 0);
    }

    private static DistillationInputs Leaf(DistillationInputs inputs) =>
        inputs with { StudentAdversarial = new TappedOutput(inputs.StudentAdversarial!.Output.clone().requires_grad_(), inputs.StudentAdversarial.Features) };
}
