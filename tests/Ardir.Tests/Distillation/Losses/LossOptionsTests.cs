using Ardir.Distillation;

namespace Ardir.Tests;

public sealed class LossOptionsTests
{
    [Fact]
    public void Defaults_KlDivergence_AreTheDivergenceItself()
    {
        var options = new KlDivergenceLossOptions();
        (options.Temperature, options.ScaleByTemperatureSquared, options.HardLabelTemperature).Should().Be((1, true, null));
        (options.Reduction, options.Direction, options.LabelReplacement).Should().Be((KlReduction.BatchMean, KlDirection.TeacherStudent, LabelReplacement.None));
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
        (options.Beta, options.Temperature, options.ScaleByTemperatureSquared, options.CrossEntropyWeight).Should().Be((0.6, 1, true, 0));
        (options.TeacherData, options.LabelReplacement, options.HardLabelTemperature).Should().Be((TeacherData.RobustClean, LabelReplacement.Probabilities, null));
        (options.KlReduction, options.KlDirection).Should().Be((KlReduction.BatchMean, KlDirection.TeacherStudent));
        options.Layers.Should().Equal("layer*");
        (options.TeacherLayers is null, options.LayerWeights is null, options.BlockZeroPositions).Should().Be((true, true, false));
        (options.Normalization, options.Form, options.FeatureInput).Should().Be((FeatureNormalization.UnitChannel, FeatureDistanceForm.Norm, FeatureInput.Adversarial));
        options.MaskFeaturesOfWrongTeacher.Should().BeFalse();
    }

    [Fact]
    public void Defaults_ArdAndKd_AreThoseOfTheirPapers()
    {
        var ard = new ArdLossOptions();
        (ard.Alpha, ard.Temperature, ard.TeacherData).Should().Be((1, 1, TeacherData.RobustClean));
        (ard.LabelReplacement, ard.KlReduction, ard.HardLabelInput).Should().Be((LabelReplacement.None, KlReduction.BatchMean, HardLabelInput.Adversarial));
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
            () => new KlDivergenceLoss(new() { Temperature = value }), () => new ArdirLoss(new() { Temperature = value }),
            () => new ArdLoss(new() { Temperature = value }), () => new KdLoss(new() { Temperature = value }),
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
        Refused<ArgumentOutOfRangeException>(new ArdirLossOptions { Form = (FeatureDistanceForm)9 }, "Form");
        Refused<ArgumentOutOfRangeException>(new ArdLossOptions { TeacherData = (TeacherData)9 }, "TeacherData");
        Refused<ArgumentOutOfRangeException>(new ArdLossOptions { HardLabelInput = (HardLabelInput)9 }, "HardLabelInput");
        Refused<ArgumentOutOfRangeException>(new ArdLossOptions { KlReduction = (KlReduction)9 }, "Reduction");
    }

    [Fact]
    public void Constructor_ContradictingOptions_Throws()
    {
        Refused<ArgumentException>(new ArdirLossOptions { KlDirection = KlDirection.StudentTeacher }, "infinite for one-hot");
        Refused<ArgumentException>(new KlDivergenceLossOptions { HardLabelTemperature = 2 }, "HardLabelTemperature");
        Refused<ArgumentException>(new ArdirLossOptions { HardLabelTemperature = 2, LabelReplacement = LabelReplacement.Logits }, "HardLabelTemperature");
    }

    [Fact]
    public void Constructor_InvalidLayersOrWeights_Throws()
    {
        Refused<ArgumentException>(new LpipsInternalLossOptions { Layers = [] }, "Layers");
        Refused<ArgumentException>(new LpipsInternalLossOptions { Layers = ["layer1", " "] }, "Layers");
        Refused<ArgumentNullException>(new LpipsInternalLossOptions { Layers = null! }, "Layers");
        Refused<ArgumentException>(new LpipsInternalLossOptions { TeacherLayers = [] }, "TeacherLayers");
        Refused<ArgumentException>(new ArdirLossOptions { TeacherLayers = [""] }, "TeacherLayers");
        foreach (var weights in new double[][] { [], [0, 0], [1, -1], [1, double.NaN], [double.PositiveInfinity] })
            Refused<ArgumentException>(new LpipsInternalLossOptions { LayerWeights = weights }, "LayerWeights");
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
                ardir, ardir with { Beta = 0.5 }, ardir with { Temperature = 2 }, ardir with { ScaleByTemperatureSquared = false },
                ardir with { TeacherData = TeacherData.CleanClean }, ardir with { LabelReplacement = LabelReplacement.Logits }, ardir with { HardLabelTemperature = 3 },
                ardir with { KlReduction = KlReduction.Sum }, ardir with { KlDirection = KlDirection.StudentTeacher, LabelReplacement = LabelReplacement.None },
                ardir with { LabelReplacement = LabelReplacement.None }, ardir with { Layers = ["a", "b"] }, ardir with { TeacherLayers = ["a"] }, ardir with { LayerWeights = [1, 2] },
                ardir with { Normalization = FeatureNormalization.SpatialL1 }, ardir with { Form = FeatureDistanceForm.Squared }, ardir with { BlockZeroPositions = true },
                ardir with { FeatureInput = FeatureInput.Clean }, ardir with { MaskFeaturesOfWrongTeacher = true }, ardir with { CrossEntropyWeight = 1 },
                ardir with { Adapters = FeatureAdapters.Create([[1]], [[2]]) }, ardir with { Adapters = FeatureAdapters.Create([[1]], [[3]]) },
            }.Select(options => new ArdirLoss(options).ToString()),
            new ArdLoss().ToString(), new ArdLoss(new() { Alpha = 0.5 }).ToString(), new ArdLoss(new() { Temperature = 2 }).ToString(),
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
