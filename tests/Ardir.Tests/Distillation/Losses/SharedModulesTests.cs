using Ardir.Core;
using Ardir.Distillation;
using TorchSharp.Modules;

namespace Ardir.Tests;

/// <summary>A loop of one's own with taps is told, as the trainer tells, that a teacher would learn with its student.</summary>
public sealed class SharedModulesTests : IDisposable
{
    private readonly DisposeScope _scope = NewDisposeScope();
    private readonly Tensor _images = TinyModels.Random([2, 1, 8, 8], 1, ScalarType.Float32);
    private readonly Tensor _labels = tensor([0L, 1L]);

    [Fact]
    public void TheSameModel_IsRefused()
    {
        using var model = TrainingWorld.Network();
        Refused(model, model, "share one (PreActResNet)");
    }

    [Fact]
    public void AModuleInBoth_IsRefused()
    {
        using var shared = TrainingWorld.Network();
        using var student = nn.Sequential(("net", shared));
        using var teacher = nn.Sequential(("net", shared));
        Refused(student, teacher, "share one (PreActResNet)", "net.layer*");
    }

    [Fact]
    public void AParameterInBoth_IsRefused()
    {
        using var student = new Tied(TinyModels.Random([3, 64], 3, ScalarType.Float32));
        using var teacher = new Tied(student.Weight);
        Refused(student, teacher, "share one (parameter 'weight')", "**");
    }

    [Fact]
    public void SeparateNetworks_AreTaken_AndComparedOnce()
    {
        using var student = TrainingWorld.Network(1);
        using var teacher = TrainingWorld.Network(2);
        using var studentTap = FeatureTap.Attach(student, "layer*");
        using var teacherTap = FeatureTap.AttachFrozen(teacher, "layer*");
        var loss = new ArdirLoss(new() { Features = new() { Layers = ["layer*"] } });
        LossTerms Step() => loss.Compute(studentTap.Forward(_images), teacherTap.Forward(_images), _labels);
        Step().Total.requires_grad.Should().BeTrue();
        // The pair is known by now, so a module that comes in later is not looked for at every step.
        teacher.register_module("late", student);
        FluentActions.Invoking(Step).Should().NotThrow();
        using var another = FeatureTap.AttachFrozen(teacher, "layer*");
        FluentActions.Invoking(() => loss.Compute(studentTap.Forward(_images), another.Forward(_images), _labels)).Should().Throw<ArgumentException>();
    }

    [Fact]
    public void PassesMadeByHand_AreTaken()
    {
        using var model = TrainingWorld.Network();
        var logits = model.call(_images);
        new KlDivergenceLoss().Compute(new TappedOutput(logits), new TappedOutput(logits.detach()), _labels).Total.requires_grad.Should().BeTrue();
    }

    [Fact]
    public void Compute_KeepsNoTensor()
    {
        using var student = TrainingWorld.Network(1);
        using var teacher = TrainingWorld.Network(2);
        LeakAssert.None(() =>
        {
            using var scope = NewDisposeScope();
            using var studentTap = FeatureTap.Attach(student);
            using var teacherTap = FeatureTap.AttachFrozen(teacher);
            new KlDivergenceLoss().Compute(studentTap.Forward(_images), teacherTap.Forward(_images), _labels);
        });
    }

    public void Dispose() => _scope.Dispose();

    private void Refused(nn.Module<Tensor, Tensor> student, nn.Module<Tensor, Tensor> teacher, string says, string layers = "layer*")
    {
        using var studentTap = FeatureTap.Attach(student, layers);
        using var teacherTap = FeatureTap.AttachFrozen(teacher, layers);
        var (own, other) = (studentTap.Forward(_images), teacherTap.Forward(_images));
        var computes = new Action[]
        {
            () => new ArdirLoss(new() { Features = new() { Layers = [layers] } }).Compute(own, other, _labels),
            () => new LpipsInternalLoss(new() { Layers = [layers] }).Compute(own, other),
            () => new KlDivergenceLoss().Compute(own, other, _labels),
            () => _ = new DistillationInputs { Labels = _labels, StudentAdversarial = own, TeacherClean = other },
            () => _ = new DistillationInputs { Labels = _labels, TeacherAdversarial = other, StudentClean = own },
            () => _ = new DistillationInputs { Labels = _labels, StandardTeacherOnStudentAdversarial = other } with { StudentClean = own },
            () => _ = new DistillationInputs { Labels = _labels, StudentAdversarial = own, TeacherOnStudentAdversarial = other },
        };
        foreach (var compute in computes) compute.Should().Throw<ArgumentException>().WithMessage($"Student and teacher are the same module or {says}*give it modules of its own*");
    }

    private sealed class Tied : nn.Module<Tensor, Tensor>
    {
        private readonly Flatten _flatten = nn.Flatten();
        private readonly Parameter weight;

        public Tied(Tensor values) : this(nn.Parameter(values))
        {
        }

        public Tied(Parameter parameter) : base(nameof(Tied))
        {
            weight = parameter;
            RegisterComponents();
        }

        public Parameter Weight => weight;

        public override Tensor forward(Tensor input) => _flatten.call(input).matmul(weight.t());
    }
}
