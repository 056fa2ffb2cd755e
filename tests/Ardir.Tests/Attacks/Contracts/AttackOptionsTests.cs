using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>Defaults of the options that no published ensemble pins, and what the checks say: the option, its value and what was expected.</summary>
public sealed class AttackOptionsTests
{
    private static readonly Dictionary<string, (Action Validate, string Name, string Value, string Expected)> _table = new()
    {
        ["FGSM"] = (() => new FgsmOptions { StepSize = -0.5 }.Validate(), "StepSize", "-0.5", "positive finite"),
        ["FGSM, null"] = (() => new FgsmOptions { Loss = null! }.Validate(), "Loss", "null", "cannot be null"),
        ["MI-FGSM"] = (() => new MiFgsmOptions { Decay = -1 }.Validate(), "Decay", "-1", "at least 0"),
        ["MI-FGSM on KL"] = (() => new MiFgsmOptions { Loss = AttackLoss.KlToClean }.Validate(), "Loss", "KL", "zero at the clean image"),
        ["PGD"] = (() => new PgdOptions { SparseFraction = 2 }.Validate(), "SparseFraction", "2", "(0,1]"),
        ["APGD"] = (() => new ApgdOptions { Search = new() { Rho = 1.5 } }.Validate(), "Rho", "1.5", "greater than 0 and less than 1"),
        ["APGD, null"] = (() => new ApgdOptions { Search = null! }.Validate(), "Search", "null", "cannot be null"),
        ["APGD-T"] = (() => new TargetedApgdOptions { Classes = 0 }.Validate(), "Classes", "0", "at least 1"),
        ["APGD-T, nested"] = (() => new TargetedApgdOptions { Search = new() { Iterations = -2 } }.Validate(), "Iterations", "-2", "at least 1"),
        ["APGD-T, null"] = (() => new TargetedApgdOptions { Search = null! }.Validate(), "Search", "null", "cannot be null"),
        ["FAB"] = (() => new FabOptions { Eta = 0.5 }.Validate(), "Eta", "0.5", "at least 1"),
        ["FAB-T"] = (() => new TargetedFabOptions { Classes = -1 }.Validate(), "Classes", "-1", "at least 1"),
        ["FAB-T, nested"] = (() => new TargetedFabOptions { Search = new() { Restarts = 0 } }.Validate(), "Restarts", "0", "at least 1"),
        ["FAB-T, null"] = (() => new TargetedFabOptions { Search = null! }.Validate(), "Search", "null", "cannot be null"),
        ["Square"] = (() => new SquareOptions { Restarts = -7 }.Validate(), "Restarts", "-7", "at least 1"),
        ["DeepFool"] = (() => new DeepFoolOptions { Classes = 1 }.Validate(), "Classes", "1", "at least 2"),
        ["CW"] = (() => new CarliniWagnerOptions { LearningRate = -0.25 }.Validate(), "LearningRate", "-0.25", "positive"),
    };

    public static TheoryData<string> Rows => [.. _table.Keys];

    [Theory]
    [MemberData(nameof(Rows))]
    public void Validate_BadValue_NamesOptionValueAndExpectation(string row)
    {
        var (validate, name, value, expected) = _table[row];
        var error = validate.Should().Throw<ArgumentException>().Which;
        error.ParamName.Should().Be(name);
        error.Message.Should().Contain(value).And.Contain(expected);
    }

    [Fact]
    public void Defaults_AreThePublishedOnes()
    {
        new FgsmOptions().Should().Be(new FgsmOptions { StepSize = null, Start = RandomStart.None, Loss = AttackLoss.CrossEntropy });
        new MiFgsmOptions().Should().Be(new MiFgsmOptions { Steps = 10, StepSize = null, Decay = 1, Loss = AttackLoss.CrossEntropy });
        new PgdOptions().Should().Be(new PgdOptions
        {
            Steps = 10, StepSize = null, Restarts = 1, Start = RandomStart.Uniform, Loss = AttackLoss.CrossEntropy, Selection = PgdSelection.Last, SparseFraction = 0.01,
        });
        new DeepFoolOptions().Should().Be(new DeepFoolOptions { Iterations = 50, Overshoot = 0.02, Classes = 10 });
        new CarliniWagnerOptions().Should().Be(new CarliniWagnerOptions { SearchSteps = 9, Iterations = 1000, LearningRate = 0.01, InitialConstant = 1e-3, Confidence = 0 });
        new AttackContext().EotSamples.Should().Be(1);
    }
}
