using Ardir.Distillation;

namespace Ardir.Tests;

public sealed class LossOptionsTests
{
    [Fact]
    public void Defaults_KlDivergence_AreTheDivergenceItself()
    {
        var options = new KlDivergenceLossOptions();
        (options.Temperature, options.ScaleByTemperatureSquared, options.HardLabelTemperature).Should().Be((1, true, null));
        (options.Reduction, options.Direction, options.LabelReplacement).Should().Be((KlReduction.BatchMean, KlDirection.TeacherStudent, null));
    }

    [Fact]
    public void Defaults_Lpips_AreTheStageOutputsInUnitChannelNorm()
    {
        var options = new LpipsInternalLossOptions();
        options.Layers.Should().Equal("layer*");
        (options.TeacherLayers is null, options.LayerWeights is null, options.BlockZeroPositions).Should().Be((true, true, false));
        (options.Normalization, options.Form).Should().Be((FeatureNormalization.UnitChannel, FeatureDistanceForm.Norm));
    }

    [Fact]
    public void Defaults_Ardir_AreThePapersRowForRobustTeachersOnCleanImages()
    {
        var options = new ArdirLoss().Options;
        var (kl, features) = (options.Kl, options.Features);
        (options.Beta, kl.Temperature, kl.ScaleByTemperatureSquared, options.CrossEntropyWeight).Should().Be((0.6, 1, true, 0));
        (options.TeacherData, kl.LabelReplacement, options.EffectiveKl.LabelReplacement).Should().Be((TeacherData.RobustClean, null, LabelReplacement.Probabilities));
        (kl.HardLabelTemperature, kl.Reduction, kl.Direction).Should().Be((null, KlReduction.BatchMean, KlDirection.TeacherStudent));
        features.Layers.Should().Equal("layer*");
        (features.TeacherLayers is null, features.LayerWeights is null, features.BlockZeroPositions).Should().Be((true, true, false));
        (features.Normalization, features.Form, options.FeatureInput).Should().Be((FeatureNormalization.UnitChannel, FeatureDistanceForm.Norm, FeatureInput.Adversarial));
        options.MaskFeaturesOfWrongTeacher.Should().BeFalse();
    }

    [Fact]
    public void Defaults_ArdAndKd_AreThoseOfTheirPapers()
    {
        var ard = new ArdLossOptions();
        (ard.Alpha, ard.Kl, ard.TeacherData).Should().Be((1, new KlDivergenceLossOptions(), TeacherData.RobustClean));
        (ard.Kl.Temperature, ard.Kl.Reduction, ard.HardLabelInput).Should().Be((1, KlReduction.BatchMean, HardLabelInput.Adversarial));
        var kd = new KdLossOptions();
        (kd.Alpha, kd.Temperature).Should().Be((0.9, 4));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void Constructor_InvalidTemperature_ThrowsNamingIt(double value)
    {
        foreach (var create in new Action[]
        {
            () => new KlDivergenceLoss(new() { Temperature = value }), () => new ArdirLoss(new() { Kl = new() { Temperature = value } }),
            () => new ArdLoss(new() { Kl = new() { Temperature = value } }), () => new KdLoss(new() { Temperature = value }),
        })
            create.Should().Throw<ArgumentOutOfRangeException>().WithMessage("*Temperature*positive*");
        Refused<ArgumentOutOfRangeException>(new KlDivergenceLossOptions { HardLabelTemperature = value, LabelReplacement = LabelReplacement.Probabilities }, "HardLabelTemperature");
    }

    [Theory]
    [InlineData(-0.01)]
    [InlineData(1.01)]
    [InlineData(double.NaN)]
    public void Constructor_ShareOutsideZeroToOne_ThrowsNamingIt(double value)
    {
        Refused<ArgumentOutOfRangeException>(new ArdirLossOptions { Beta = value }, "Beta");
        Refused<ArgumentOutOfRangeException>(new ArdLossOptions { Alpha = value }, "Alpha");
        Refused<ArgumentOutOfRangeException>(new KdLossOptions { Alpha = value }, "Alpha");
    }

    [Fact]
    public void Constructor_UnknownEnumValue_ThrowsNamingIt()
    {
        Refused<ArgumentOutOfRangeException>(new KlDivergenceLossOptions { Reduction = (KlReduction)9 }, "Reduction");
        Refused<ArgumentOutOfRangeException>(new KlDivergenceLossOptions { Direction = (KlDirection)9 }, "Direction");
        Refused<ArgumentOutOfRangeException>(new KlDivergenceLossOptions { LabelReplacement = (LabelReplacement)9 }, "LabelReplacement");
        Refused<ArgumentOutOfRangeException>(new LpipsInternalLossOptions { Normalization = (FeatureNormalization)9 }, "Normalization");
        Refused<ArgumentOutOfRangeException>(new LpipsInternalLossOptions { Form = (FeatureDistanceForm)9 }, "Form");
        Refused<ArgumentOutOfRangeException>(new ArdirLossOptions { TeacherData = (TeacherData)9 }, "TeacherData");
        Refused<ArgumentOutOfRangeException>(new ArdirLossOptions { FeatureInput = (FeatureInput)9 }, "FeatureInput");
        Refused<ArgumentOutOfRangeException>(new ArdirLossOptions { Features = new() { Form = (FeatureDistanceForm)9 } }, "Form");
        Refused<ArgumentOutOfRangeException>(new ArdLossOptions { TeacherData = (TeacherData)9 }, "TeacherData");
        Refused<ArgumentOutOfRangeException>(new ArdLossOptions { HardLabelInput = (HardLabelInput)9 }, "HardLabelInput");
        Refused<ArgumentOutOfRangeException>(new ArdLossOptions { Kl = new() { Reduction = (KlReduction)9 } }, "Reduction");
    }

    [Fact]
    public void Constructor_ContradictingOptions_Throws()
    {
        Refused<ArgumentException>(new ArdirLossOptions { Kl = new() { Direction = KlDirection.StudentTeacher } }, "infinite for one-hot");
        Refused<ArgumentException>(new KlDivergenceLossOptions { HardLabelTemperature = 2 }, "HardLabelTemperature");
        Refused<ArgumentException>(new ArdirLossOptions { Kl = new() { HardLabelTemperature = 2, LabelReplacement = LabelReplacement.Logits } }, "HardLabelTemperature");
    }

    [Fact]
    public void Constructor_InvalidLayersOrWeights_Throws()
    {
        Refused<ArgumentException>(new LpipsInternalLossOptions { Layers = [] }, "Layers");
        Refused<ArgumentException>(new LpipsInternalLossOptions { Layers = ["layer1", " "] }, "Layers");
        Refused<ArgumentNullException>(new LpipsInternalLossOptions { Layers = null! }, "Layers");
        Refused<ArgumentException>(new LpipsInternalLossOptions { TeacherLayers = [] }, "TeacherLayers");
        Refused<ArgumentException>(new ArdirLossOptions { Features = new() { TeacherLayers = [""] } }, "TeacherLayers");
        foreach (var weights in new double[][] { [], [0, 0], [1, -1], [1, double.NaN], [double.PositiveInfinity] })
            Refused<ArgumentException>(new LpipsInternalLossOptions { LayerWeights = weights }, "LayerWeights");
        // One layer, weights below one and a layer that does not count are nothing to object to.
        foreach (var weights in new double[][] { [1], [0.5], [1, 1], [0.5, 0.25], [0, 1] })
            new LpipsInternalLossOptions { LayerWeights = weights }.Invoking(options => options.Validate()).Should().NotThrow();
    }

    [Theory]
    [InlineData(-0.1)]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void Constructor_InvalidCrossEntropyWeight_Throws(double weight) =>
        Refused<ArgumentOutOfRangeException>(new ArdirLossOptions { CrossEntropyWeight = weight }, "CrossEntropyWeight");

    [Fact]
    public void ToString_EveryOption_ChangesTheText()
    {
        // A run is recognised by this text, so no option may be missing from it.
        var ardir = new ArdirLossOptions();
        string[] texts =
        [
            .. new[]
            {
                ardir, ardir with { Beta = 0.5 }, ardir with { Kl = new() { Temperature = 2 } }, ardir with { Kl = new() { ScaleByTemperatureSquared = false } },
                ardir with { TeacherData = TeacherData.CleanClean }, ardir with { Kl = new() { LabelReplacement = LabelReplacement.Logits } }, ardir with { Kl = new() { HardLabelTemperature = 3 } },
                ardir with { Kl = new() { Reduction = KlReduction.Sum } }, ardir with { Kl = new() { Direction = KlDirection.StudentTeacher, LabelReplacement = LabelReplacement.None } },
                ardir with { Kl = new() { LabelReplacement = LabelReplacement.None } }, ardir with { Features = new() { Layers = ["a", "b"] } }, ardir with { Features = new() { TeacherLayers = ["a"] } }, ardir with { Features = new() { LayerWeights = [1, 2] } },
                ardir with { Features = new() { Normalization = FeatureNormalization.SpatialL1 } }, ardir with { Features = new() { Form = FeatureDistanceForm.Squared } }, ardir with { Features = new() { BlockZeroPositions = true } },
                ardir with { FeatureInput = FeatureInput.Clean }, ardir with { MaskFeaturesOfWrongTeacher = true }, ardir with { CrossEntropyWeight = 1 },
                ardir with { Features = new() { Adapters = FeatureAdapters.Create([[1]], [[2]]) } }, ardir with { Features = new() { Adapters = FeatureAdapters.Create([[1]], [[3]]) } },
            }.Select(options => new ArdirLoss(options).ToString()),
            new ArdLoss().ToString(), new ArdLoss(new() { Alpha = 0.5 }).ToString(), new ArdLoss(new() { Kl = new() { Temperature = 2 } }).ToString(),
            new KdLoss().ToString(), new KdLoss(new() { Alpha = 0.5 }).ToString(), new KdLoss(new() { Temperature = 2 }).ToString(),
        ];
        texts.Should().OnlyHaveUniqueItems();
    }

    private static void Refused<T>(object options, string message) where T : ArgumentException
    {
        Action create = options switch
        {
            KlDivergenceLossOptions kl => () => new KlDivergenceLoss(kl),
            LpipsInternalLossOptions lpips => () => new LpipsInternalLoss(lpips),
            ArdirLossOptions ardir => () => new ArdirLoss(ardir),
            ArdLossOptions ard => () => new ArdLoss(ard),
            _ => () => new KdLoss((KdLossOptions)options),
        };
        create.Should().Throw<T>().WithMessage($"*{message}*");
    }
}
