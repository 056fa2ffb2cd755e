using Ardir.Attacks;
using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>Which attack makes which images, in which mode: what the loss prescribes, and what replaces it.</summary>
public sealed class CraftingPlanTests
{
    private static readonly ThreatModel _threat = ThreatModel.Linf(0.1);
    private static readonly ImageSource _onTeacher = ImageSource.AdversarialTo(NetworkRole.Teacher);

    private static readonly InnerMaximization _prescribed = new()
    {
        Objective = InnerObjective.KlToClean, Start = RandomStart.Gaussian, Steps = 3, StepShare = 0.5, TrainMode = true,
    };

    [Fact]
    public void Prescribed_NothingSet_FollowsTheLoss()
    {
        var options = new PgdOptions { Steps = 3, StepSize = 0.05, Start = RandomStart.Gaussian, Loss = AttackLoss.KlToClean };
        Planned(new PrescribedCrafting(_threat)).Should().Be(($"{new PgdAttack(_threat, options)}", true));
        new PrescribedCrafting(_threat).Threat.Should().BeSameAs(_threat);
    }

    [Fact]
    public void Prescribed_EveryPropertyThatIsSet_ReplacesItsOwnAlone()
    {
        using var teacher = TinyModels.Linear();
        var options = new PgdOptions { Steps = 3, StepSize = 0.05, Start = RandomStart.Gaussian, Loss = AttackLoss.KlToClean };
        var all = new PrescribedCrafting(_threat);
        void Gives(PrescribedCrafting crafting, PgdOptions expected, bool trainMode = true) =>
            Planned(crafting, teacher).Should().Be(($"{new PgdAttack(_threat, expected)}", trainMode));
        Gives(all with { Objective = InnerObjective.CrossEntropy }, options with { Loss = AttackLoss.CrossEntropy });
        Gives(all with { Objective = InnerObjective.KlToTeacher }, options with { Loss = AttackLoss.KlToTeacher(teacher) });
        Gives(all with { Start = RandomStart.Uniform }, options with { Start = RandomStart.Uniform });
        Gives(all with { Steps = 7 }, options with { Steps = 7 });
        Gives(all with { StepShare = 1 }, options with { StepSize = 0.1 });
        Gives(all with { TrainMode = false }, options, trainMode: false);
    }

    [Fact]
    public void Prescribed_AgainstTheTeacher_KeepsItsObjectiveAndEvalMode()
    {
        var plan = new PrescribedCrafting(_threat) { Objective = InnerObjective.KlToTeacher, TrainMode = true }
            .Plan(_onTeacher, new InnerMaximization { Steps = 2, StepShare = 0.5 }, teacher: null);
        plan.Images.Should().Be(_onTeacher);
        plan.TrainMode.Should().BeFalse();
        $"{plan.Attack}".Should().Be($"{new PgdAttack(_threat, new() { Steps = 2, StepSize = 0.05, Loss = AttackLoss.CrossEntropy })}");
    }

    [Fact]
    public void Attacks_ForTheirImages_TakeThePlaceOfAnyOther()
    {
        var (attack, other) = (new FgsmAttack(_threat), new PgdAttack(_threat));
        Crafting[] craftings = [new PrescribedCrafting(_threat), new OwnCrafting(other)];
        foreach (var crafting in craftings)
        {
            var with = crafting with { Attacks = crafting.Attacks.Add(_onTeacher, attack) };
            with.Plan(_onTeacher, _prescribed, null).Attack.Should().BeSameAs(attack);
            with.Plan(ImageSource.Adversarial, _prescribed, null).Attack.Should().NotBeSameAs(attack);
        }
        new OwnCrafting(other).Plan(_onTeacher, _prescribed, null).Attack.Should().BeSameAs(other);
    }

    [Fact]
    public void Own_TrainMode_HoldsForTheStudentAlone()
    {
        var own = new OwnCrafting(new FgsmAttack(_threat));
        bool Mode(OwnCrafting crafting, ImageSource images) => crafting.Plan(images, _prescribed, null).TrainMode;
        Mode(own, ImageSource.Adversarial).Should().BeFalse("whatever the loss prescribes");
        Mode(own, _onTeacher).Should().BeFalse();
        Mode(own with { TrainMode = true }, ImageSource.Adversarial).Should().BeTrue();
        Mode(own with { TrainMode = true }, _onTeacher).Should().BeFalse();
        own.Threat.Should().BeSameAs(_threat);
    }

    [Fact]
    public void Of_WithoutCrafting_IsEnoughForLossesWithoutAdversarialImages()
    {
        var plan = CraftingPlan.Of(null, new StandardTrainingLoss(), null);
        plan.Images.Should().BeEmpty();
        plan.OnStudent.Should().BeNull();
        plan.ToString().Should().Be("no adversarial images");
        FluentActions.Invoking(() => CraftingPlan.Of(null, new AdversarialTrainingLoss(), null))
            .Should().Throw<ArgumentException>().WithMessage("The loss SAT needs images adversarial to student*").WithParameterName("crafting");
    }

    [Fact]
    public void Of_AttackForOtherImages_IsRefusedAndForTheseTaken()
    {
        var attack = new FgsmAttack(_threat);
        var crafting = new OwnCrafting(new PgdAttack(_threat));
        var unused = crafting with { Attacks = crafting.Attacks.Add(_onTeacher, attack) };
        FluentActions.Invoking(() => CraftingPlan.Of(unused, new AdversarialTrainingLoss(), null))
            .Should().Throw<ArgumentException>().WithMessage("*attack for images adversarial to teacher*it needs images adversarial to student*");
        var used = crafting with { Attacks = crafting.Attacks.Add(ImageSource.Adversarial, attack) };
        var plan = CraftingPlan.Of(used, new AdversarialTrainingLoss(), null);
        plan.OnStudent.Should().BeSameAs(attack);
        plan.ToString().Should().Be($"images adversarial to student: {attack}, batch norm in eval mode");
    }

    [Fact]
    public void OnStudent_ImagesAgainstTheTeacherAlone_IsNone()
    {
        var crafting = new OwnCrafting(new FgsmAttack(_threat));
        CraftingPlan.Of(crafting, Loss(_prescribed, NetworkPass.TeacherAdversarial), null).OnStudent.Should().BeNull();
        CraftingPlan.Of(crafting, Loss(_prescribed, NetworkPass.TeacherAdversarial, NetworkPass.StudentAdversarial), null)
            .OnStudent.Should().BeSameAs(crafting.Attack);
    }

    [Fact]
    public void AsksTeacher_IsTrueOnlyWhereTheStudentIsDrivenFromTheTeacher()
    {
        using var teacher = TinyModels.Linear();
        bool Asks(Crafting crafting, IDistillationLoss loss) => CraftingPlan.Of(crafting, loss, teacher).AsksTeacher;
        var (prescribed, own) = (new PrescribedCrafting(_threat), new OwnCrafting(new FgsmAttack(_threat)));
        var toTeacher = _prescribed with { Objective = InnerObjective.KlToTeacher };
        Asks(prescribed, new RsladLoss()).Should().BeTrue();
        Asks(own, new RsladLoss()).Should().BeTrue("an attack of one's own is taken to follow the loss");
        Asks(prescribed with { Objective = InnerObjective.CrossEntropy }, new RsladLoss()).Should().BeFalse();
        Asks(prescribed, new AdversarialTrainingLoss()).Should().BeFalse();
        Asks(prescribed with { Objective = InnerObjective.KlToTeacher }, new AdversarialTrainingLoss()).Should().BeTrue();
        Asks(own, Loss(toTeacher, NetworkPass.TeacherAdversarial)).Should().BeFalse("images against the teacher are crafted with the labels");
        Asks(prescribed, Loss(toTeacher, NetworkPass.TeacherAdversarial, NetworkPass.StudentAdversarial)).Should().BeTrue("one of two does");
        Asks(prescribed with { Objective = InnerObjective.KlToTeacher }, Loss(_prescribed, NetworkPass.TeacherAdversarial)).Should().BeFalse();
    }

    [Fact]
    public void CreateAttack_PropertiesAtTheirBorders_AreTakenOrNamed()
    {
        var small = new InnerMaximization { StepShare = 0.5 }.CreateAttack(ThreatModel.L2(0.5));
        $"{small}".Should().Be($"{new PgdAttack(ThreatModel.L2(0.5), new() { Steps = 10, StepSize = 0.25, Start = RandomStart.Uniform })}");
        void Refused(InnerMaximization inner, string name) => inner.Invoking(i => i.CreateAttack(_threat))
            .Should().Throw<ArgumentOutOfRangeException>().WithParameterName(name);
        foreach (var share in new[] { 0, -0.25, double.NaN, double.PositiveInfinity }) Refused(new() { StepShare = share }, "StepShare");
        Refused(new() { Objective = (InnerObjective)9 }, "Objective");
    }

    private static (string Attack, bool TrainMode) Planned(Crafting crafting, IModule? teacher = null)
    {
        var plan = crafting.Plan(ImageSource.Adversarial, _prescribed, teacher);
        plan.Images.Should().Be(ImageSource.Adversarial);
        return ($"{plan.Attack}", plan.TrainMode);
    }

    private static OwnLoss Loss(InnerMaximization inner, params NetworkPass[] passes) =>
        new(null!) { Needs = new() { Passes = [.. passes], InnerMaximization = inner } };
}
