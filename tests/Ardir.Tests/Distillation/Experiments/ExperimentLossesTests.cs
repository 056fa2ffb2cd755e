using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>Losses from the settings of a method.</summary>
public sealed class ExperimentLossesTests
{
    private static ExperimentMethod Method(string loss, MethodSettings? settings = null) =>
        new() { Name = "method", Loss = loss, Settings = settings ?? MethodSettings.Empty };

    public static TheoryData<string, IDistillationLoss> Defaults => new()
    {
        { "standard", new StandardTrainingLoss() },
        { "sat", new AdversarialTrainingLoss() },
        { "trades", new TradesLoss() },
        { "mart", new MartLoss() },
        { "ard", new ArdLoss() },
        { "rslad", new RsladLoss() },
        { "iad", new IadLoss() },
        { "iad2", new IadTwoTeacherLoss() },
        { "akd2", new Akd2Loss() },
        { "ardir", new ArdirLoss() },
    };

    [Theory]
    [MemberData(nameof(Defaults))]
    public void Create_WithoutSettings_IsTheLossWithItsDefaults(string name, IDistillationLoss expected)
    {
        var loss = ExperimentLosses.Standard.Create(Method(name));

        loss.Should().BeOfType(expected.GetType());
        StatedIdentity.Of(loss).Should().Be(StatedIdentity.Of(expected));
    }

    [Fact]
    public void Standard_NamesAllLosses() => ExperimentLosses.Standard.Names.Should().BeEquivalentTo(Defaults.Select(row => (string)row[0]));

    [Fact]
    public void Create_Ardir_ReadsEverySetting()
    {
        var settings = MethodSettings.Empty.With("beta", 0.25).With("temperature", 4).With("teacherData", TeacherData.RobustAdversarial)
            .With("featureInput", FeatureInput.Clean).With("maskFeaturesOfWrongTeacher", true).With("crossEntropyWeight", 0.5)
            .With("layers", "layer1", "layer2").With("normalization", FeatureNormalization.SpatialL2).With("form", FeatureDistanceForm.Squared)
            .With("blockZeroPositions", true).With("labelReplacement", LabelReplacement.Logits);

        var loss = ExperimentLosses.Standard.Create(Method("ardir", settings));

        StatedIdentity.Of(loss).Should().Be(StatedIdentity.Of(new ArdirLoss(new ArdirLossOptions
        {
            Beta = 0.25, TeacherData = TeacherData.RobustAdversarial, FeatureInput = FeatureInput.Clean, MaskFeaturesOfWrongTeacher = true, CrossEntropyWeight = 0.5,
            Kl = new() { Temperature = 4, LabelReplacement = LabelReplacement.Logits },
            Features = new()
            {
                Layers = ["layer1", "layer2"], Normalization = FeatureNormalization.SpatialL2, Form = FeatureDistanceForm.Squared, BlockZeroPositions = true,
            },
        })));
    }

    [Fact]
    public void Create_OtherLosses_ReadTheirSettings()
    {
        var (set, losses) = (MethodSettings.Empty, ExperimentLosses.Standard);

        Identity(losses, "trades", set.With("beta", 3)).Should().Be(StatedIdentity.Of(new TradesLoss(new() { Beta = 3 })));
        Identity(losses, "mart", set.With("lambda", 3)).Should().Be(StatedIdentity.Of(new MartLoss(new() { Lambda = 3 })));
        Identity(losses, "ard", set.With("alpha", 0.5).With("temperature", 30).With("teacherData", TeacherData.CleanClean)).Should()
            .Be(StatedIdentity.Of(new ArdLoss(new() { Alpha = 0.5, TeacherData = TeacherData.CleanClean, Kl = new() { Temperature = 30 } })));
        Identity(losses, "iad", set.With("begin", 3).With("beta", 0.2).With("alpha", 0.9).With("temperature", 2)).Should()
            .Be(StatedIdentity.Of(new IadLoss(new() { Begin = 3, Beta = 0.2, Alpha = 0.9, Temperature = 2 })));
        Identity(losses, "iad2", set.With("begin", 3).With("beta", 0.2)).Should()
            .Be(StatedIdentity.Of(new IadTwoTeacherLoss(new() { Begin = 3, Beta = 0.2 })));
        Identity(losses, "akd2", set.With("temperature", 5)).Should().Be(StatedIdentity.Of(new Akd2Loss(new() { Temperature = 5 })));
    }

    [Theory]
    [InlineData("sat", "beta", "*'method'*'sat' has no setting 'beta'; it has no settings*")]
    [InlineData("trades", "Beta", "*'trades' has no setting 'Beta'; it has 'beta'*")]
    [InlineData("none", "beta", "*names the loss 'none', which does not exist*akd2, ard, ardir*")]
    public void Create_UnknownName_SaysWhichThereAre(string loss, string setting, string message)
    {
        var create = () => ExperimentLosses.Standard.Create(Method(loss, MethodSettings.Empty.With(setting, 0.5)));

        create.Should().Throw<FormatException>().WithMessage(message);
    }

    [Fact]
    public void Create_WrongValues_NameMethodAndSetting()
    {
        var set = MethodSettings.Empty;

        Refused("ardir", set.With("beta", 2)).WithMessage("*'method'*Beta*");
        Refused("ardir", set.With("beta", true)).WithMessage("*'beta' is true; expected a finite number*");
        Refused("ardir", set.With("teacherData", "RC")).WithMessage("*'teacherData' is [\"RC\"]; expected one of RobustClean*");
        Refused("ardir", set.With("teacherData", 1)).WithMessage("*'teacherData' is 1; expected one of*");
        Refused("ardir", set.With("maskFeaturesOfWrongTeacher", 1)).WithMessage("*expected true or false*");
        Refused("ardir", set.With("layers", 1)).WithMessage("*expected a list of texts*");
        Refused("iad", set.With("begin", 1.5)).WithMessage("*'begin' is 1.5; expected a whole number*");
    }

    [Fact]
    public void Create_SettingsThatAnotherLossHasRead_AreRefusedAllTheSame()
    {
        var shared = MethodSettings.Empty.With("beta", 0.5);
        ExperimentLosses.Standard.Create(Method("ardir", shared));

        Refused("sat", shared).WithMessage("*'sat' has no setting 'beta'*");
    }

    [Fact]
    public void With_LossOfOnesOwn_IsFoundByItsName()
    {
        var losses = ExperimentLosses.Standard.With("mine", settings => new TradesLoss(new() { Beta = settings.Number("weight", 1) }));

        Identity(losses, "mine", MethodSettings.Empty.With("weight", 2)).Should().Be(StatedIdentity.Of(new TradesLoss(new() { Beta = 2 })));
        ExperimentLosses.Standard.Names.Should().NotContain("mine");
    }

    private static string Identity(ExperimentLosses losses, string name, MethodSettings settings) =>
        StatedIdentity.Of(losses.Create(Method(name, settings)));

    private static FluentAssertions.Specialized.ExceptionAssertions<FormatException> Refused(string loss, MethodSettings settings) =>
        ((Action)(() => ExperimentLosses.Standard.Create(Method(loss, settings)))).Should().Throw<FormatException>();
}
