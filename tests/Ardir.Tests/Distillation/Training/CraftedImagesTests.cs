using Ardir.Attacks;
using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>Networks and attacks of somebody else's, which may change what they are given: the losses of a training see the images all the same.</summary>
public sealed class CraftedImagesTests
{
    public static TheoryData<string, IDistillationLoss> Teachers => new() { { "KD", new KdLoss() }, { "RSLAD", new RsladLoss() }, { "ARD", new ArdLoss() } };

    [Theory, MemberData(nameof(Teachers))]
    public void Fit_TeacherThatNormalisesInPlace_TeachesTheSame(string name, IDistillationLoss loss)
    {
        Dictionary<string, double[]> Learned(bool inPlace)
        {
            using var teacher = TrainingWorld.Network(2);
            var asked = new OpaqueModel(x => teacher.call(inPlace ? x.sub_(0.5) : x - 0.5));
            return Fit(loss, TrainingWorld.Pgd(), asked);
        }

        name.Should().NotBeEmpty();
        TrainingWorld.SameState(Learned(inPlace: true), Learned(inPlace: false));
    }

    [Fact]
    public void Fit_AttackThatChangesItsImages_LeavesThoseOfTheLossAlone()
    {
        static Tensor Brighter(IModule model, Tensor images, Tensor labels) => images.add(0.05).clamp(0, 1);
        static Tensor BrighterInPlace(IModule model, Tensor images, Tensor labels)
        {
            labels.zero_();
            return images.add_(0.05).clamp_(0, 1);
        }

        TrainingWorld.SameState(Fit(new TradesLoss(), Foreign(BrighterInPlace)), Fit(new TradesLoss(), Foreign(Brighter)));
    }

    [Fact]
    public void Fit_AttackThatReturnsItsGraph_IsNotDescendedThrough()
    {
        static Tensor Moved(IModule model, Tensor images)
        {
            using var grad = enable_grad();
            return (images + 0.05 * model.call(images).mean()).clamp(0, 1);
        }

        TrainingWorld.SameState(
            Fit(new TradesLoss(), Foreign((model, images, _) => Moved(model, images))),
            Fit(new TradesLoss(), Foreign((model, images, _) => Moved(model, images).detach())));
    }

    [Fact]
    public void Fit_AttackThatReturnsNoSuchImages_IsNamed()
    {
        FluentActions.Invoking(() => Fit(new AdversarialTrainingLoss(), Foreign((_, images, _) => images[0]))).Should().Throw<ArgumentException>()
            .WithMessage("The answer of the attack foreign has shape [1,8,8] and the batch has [16,1,8,8]; expected the same [N,...]*");
        FluentActions.Invoking(() => Fit(new AdversarialTrainingLoss(), Foreign((_, _, _) => null!))).Should().Throw<InvalidOperationException>()
            .WithMessage("The attack foreign returned null; expected images like those that it was given.");
    }

    [Theory]
    [InlineData(0.06)]
    [InlineData(double.NaN)]
    public void Fit_AttackThatLeavesItsThreatModel_IsNamed(double move)
    {
        var fit = () => Fit(new TradesLoss(), Foreign((_, images, _) => images + move));

        // In the first step, before the student changes.
        fit.Should().Throw<InvalidOperationException>().WithMessage("16 images outside of the threat model Linf*by the attack foreign*");
    }

    [Fact]
    public void Fit_AttackThatLeavesItsThreatModelLater_IsNamedAtTheNextLoggingPoint()
    {
        var calls = 0;
        // The first epoch has four steps; the attack fails in the second and third.
        var fit = () => Fit(new TradesLoss(), Foreign((_, images, _) => ++calls is 2 or 3 ? images + 0.06 : images.clone()));

        fit.Should().Throw<InvalidOperationException>().WithMessage("32 images outside of the threat model Linf*by the attack foreign*");
        calls.Should().Be(4);
    }

    [Fact]
    public void Fit_WhileAnAttackCrafts_NoGradientsOfTheStepBeforeTakeMemory()
    {
        using var data = TrainingWorld.Data();
        using var student = TrainingWorld.Network();
        var calls = 0;
        var attack = Foreign((_, images, _) =>
        {
            calls++;
            student.parameters().Select(parameter => parameter.grad).Should().AllSatisfy(gradient => gradient.Should().BeNull());
            return images.clone();
        });
        new DistillationTrainer(student, null, new TradesLoss(), TrainingWorld.Options(2) with { Crafting = new OwnCrafting(attack) }).Fit(data);
        calls.Should().BeGreaterThan(2);
    }

    private static ForeignAttack Foreign(Func<IModule, Tensor, Tensor, Tensor> perturb) => new(ThreatModel.Linf(TrainingWorld.Epsilon), perturb);

    private static Dictionary<string, double[]> Fit(IDistillationLoss loss, IAttack attack, IModule? teacher = null)
    {
        using var data = TrainingWorld.Data();
        using var student = TrainingWorld.Network();
        new DistillationTrainer(student, teacher, loss, TrainingWorld.Options(1) with { Crafting = new OwnCrafting(attack) }).Fit(data);
        return TrainingWorld.State(student);
    }
}
