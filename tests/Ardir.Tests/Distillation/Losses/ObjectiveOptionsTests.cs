using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>Defaults, ranges and texts of the published objectives' options.</summary>
public sealed class ObjectiveOptionsTests
{
    [Fact]
    public void Defaults_AreThoseOfTheReleasedCode()
    {
        new TradesLossOptions().Should().Be(new TradesLossOptions { Beta = 6, KlReduction = KlReduction.BatchMean, DetachClean = false });
        new MartLossOptions().Should().Be(new MartLossOptions { Lambda = 5 });
        new RsladLossOptions().Should().Be(new RsladLossOptions { AdversarialWeight = 5 / 6.0, KlReduction = KlReduction.BatchMean });
        new IadLossOptions().Should().Be(new IadLossOptions { Beta = 0.1, Begin = 60, Alpha = 1, Temperature = 1, WeighTeacher = false, DetachClean = false });
        new IadTwoTeacherLossOptions().Should().Be(new IadTwoTeacherLossOptions { RobustWeight = 0.5, StandardWeight = 0.25, Beta = 0.1, Begin = 40, Temperature = 1, DetachClean = false });
        new Akd2LossOptions().Should().Be(new Akd2LossOptions { CrossEntropyWeight = 0.3, StandardWeight = 0.1, RobustWeight = 0.6, Temperature = 2 });
    }

    public static TheoryData<string, Action> Invalid
    {
        get
        {
            var data = new TheoryData<string, Action>();
            foreach (var value in new[] { -0.1, double.NaN, double.PositiveInfinity })
            {
                data.Add("Beta", () => new TradesLoss(new() { Beta = value }));
                data.Add("Lambda", () => new MartLoss(new() { Lambda = value }));
                data.Add("AdversarialWeight", () => new RsladLoss(new() { AdversarialWeight = value }));
                data.Add("Beta", () => new IadLoss(new() { Beta = value }));
                data.Add("Alpha", () => new IadLoss(new() { Alpha = value }));
                data.Add("Temperature", () => new IadLoss(new() { Temperature = value }));
                data.Add("RobustWeight", () => new IadTwoTeacherLoss(new() { RobustWeight = value }));
                data.Add("StandardWeight", () => new IadTwoTeacherLoss(new() { StandardWeight = value }));
                data.Add("Beta", () => new IadTwoTeacherLoss(new() { Beta = value }));
                data.Add("Temperature", () => new IadTwoTeacherLoss(new() { Temperature = value }));
                data.Add("CrossEntropyWeight", () => new Akd2Loss(new() { CrossEntropyWeight = value }));
                data.Add("StandardWeight", () => new Akd2Loss(new() { StandardWeight = value }));
                data.Add("RobustWeight", () => new Akd2Loss(new() { RobustWeight = value }));
                data.Add("Temperature", () => new Akd2Loss(new() { Temperature = value }));
            }
            data.Add("Begin", () => new IadLoss(new() { Begin = -1 }));
            data.Add("Begin", () => new IadTwoTeacherLoss(new() { Begin = -1 }));
            data.Add("add up to more than 1", () => new IadTwoTeacherLoss(new() { RobustWeight = 0.8, StandardWeight = 0.3 }));
            data.Add("all 0", () => new Akd2Loss(new() { CrossEntropyWeight = 0, StandardWeight = 0, RobustWeight = 0 }));
            data.Add("KlReduction", () => new TradesLoss(new() { KlReduction = (KlReduction)9 }));
            data.Add("KlReduction", () => new RsladLoss(new() { KlReduction = (KlReduction)9 }));
            return data;
        }
    }

    [Theory, MemberData(nameof(Invalid))]
    public void Constructor_OptionOutOfRange_ThrowsNamingIt(string message, Action create) =>
        create.Should().Throw<ArgumentException>().WithMessage($"*{message}*");

    [Fact]
    public void ToString_EveryOption_ChangesTheText()
    {
        // A run is recognised by this text, so no option may be missing from it.
        IDistillationLoss[] losses =
        [
            new TradesLoss(), new TradesLoss(new() { Beta = 5 }), new TradesLoss(new() { KlReduction = KlReduction.Sum }), new TradesLoss(new() { DetachClean = true }),
            new MartLoss(), new MartLoss(new() { Lambda = 6 }), new RsladLoss(), new RsladLoss(new() { AdversarialWeight = 0.5 }), new RsladLoss(new() { KlReduction = KlReduction.Sum }),
            new IadLoss(), new IadLoss(new() { Beta = 0.2 }), new IadLoss(new() { Begin = 3 }), new IadLoss(new() { Alpha = 0.5 }), new IadLoss(new() { Temperature = 2 }),
            new IadLoss(new() { WeighTeacher = true }), new IadLoss(new() { DetachClean = true }),
            new IadTwoTeacherLoss(), new IadTwoTeacherLoss(new() { RobustWeight = 0.4 }), new IadTwoTeacherLoss(new() { StandardWeight = 0.4 }), new IadTwoTeacherLoss(new() { Beta = 0.2 }),
            new IadTwoTeacherLoss(new() { Begin = 3 }), new IadTwoTeacherLoss(new() { Temperature = 2 }), new IadTwoTeacherLoss(new() { DetachClean = true }),
            new Akd2Loss(), new Akd2Loss(new() { CrossEntropyWeight = 1 }), new Akd2Loss(new() { StandardWeight = 1 }), new Akd2Loss(new() { RobustWeight = 1 }), new Akd2Loss(new() { Temperature = 1 }),
        ];
        losses.Select(loss => loss.ToString()).Should().OnlyHaveUniqueItems();
    }
}
