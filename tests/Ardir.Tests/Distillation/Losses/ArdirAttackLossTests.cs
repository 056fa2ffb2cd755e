using Ardir.Attacks;
using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Tests;

public sealed class ArdirAttackLossTests
{
    private static readonly ThreatModel _threat = ThreatModel.Linf(0.1);

    [Fact]
    public void Perturb_ClimbsExactlyTheTrainingLoss()
    {
        using var scope = NewDisposeScope();
        using var student = Network(1);
        using var teacher = Network(2);
        var (images, labels) = (TinyModels.Random([6, 1, 8, 8], 3), TinyModels.Labels(6, 3));
        var options = new ArdirLossOptions { Layers = ["layer*"] };
        var attack = new PgdAttack(_threat, new PgdOptions { Steps = 20, Loss = new ArdirAttackLoss(student, teacher, options), Selection = PgdSelection.BestLoss });

        var adversarial = attack.Perturb(student, images, labels);

        var before = Loss(student, teacher, options, images, images, labels);
        var start = Loss(student, teacher, options, _threat.SampleStart(images, RandomStart.Uniform, 5), images, labels);
        var after = Loss(student, teacher, options, adversarial, images, labels);
        after.Should().BeGreaterThan(Math.Max(before, start));
    }

    [Fact]
    public void Gradient_MatchesFiniteDifferences()
    {
        using var scope = NewDisposeScope();
        using var student = Network(1);
        using var teacher = Network(2);
        var (images, labels) = (TinyModels.Random([2, 1, 8, 8], 3), TinyModels.Labels(2, 3));
        var loss = new ArdirAttackLoss(student, teacher);
        var reference = loss.Prepare(student, images);
        student.eval();
        GradientCheck.Agrees(
            x =>
            {
                var output = loss.Forward(student, x);
                return loss.Compute(new AttackLossInputs(output.Output, labels, null, reference) { Features = output.Features }).sum();
            },
            TinyModels.Random([2, 1, 8, 8], 4), 1e-5);
    }

    [Fact]
    public void Perturb_LeavesNoTensorAndNoHook()
    {
        using var student = Network(1);
        using var teacher = Network(2);
        using var images = TinyModels.Random([3, 1, 8, 8], 3);
        using var labels = TinyModels.Labels(3, 3);
        var attack = new PgdAttack(_threat, new PgdOptions { Steps = 2, Restarts = 2, Loss = new ArdirAttackLoss(student, teacher) });
        LeakAssert.None(() => attack.Perturb(student, images, labels).Dispose());
    }

    [Fact]
    public void Perturb_AnotherModel_IsRefused()
    {
        using var student = Network(1);
        using var teacher = Network(2);
        using var other = Network(3);
        using var images = TinyModels.Random([3, 1, 8, 8], 3);
        using var labels = TinyModels.Labels(3, 3);
        var attack = new PgdAttack(_threat, new PgdOptions { Loss = new ArdirAttackLoss(student, teacher) });
        var perturb = () => attack.Perturb(other, images, labels);
        perturb.Should().Throw<InvalidOperationException>().WithMessage("*another model*");
    }

    private static double Loss(PreActResNet student, PreActResNet teacher, ArdirLossOptions options, Tensor points, Tensor clean, Tensor labels)
    {
        student.eval();
        using var studentTap = FeatureTap.Attach(student, [.. options.Layers]);
        using var teacherTap = FeatureTap.AttachFrozen(teacher, [.. options.Layers]);
        return new ArdirLoss(options).Compute(studentTap.Forward(points), teacherTap.Forward(clean), labels).Total.ToDouble();
    }

    private static PreActResNet Network(ulong seed)
    {
        var network = PreActResNet.Create(new PreActResNetOptions { InputChannels = 1, Classes = 3, Widths = [3, 4], BlocksPerStage = 1, Seed = seed });
        network.to(ScalarType.Float64);
        return network;
    }
}
