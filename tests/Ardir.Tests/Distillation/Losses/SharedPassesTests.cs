using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>Whichever pass of a student meets whichever pass of a teacher, and in whichever order: shared modules are refused.</summary>
public sealed class SharedPassesTests
{
    private static readonly (string Name, Func<DistillationInputs, TappedOutput, DistillationInputs> Set)[] _student =
    [
        ("StudentClean", (inputs, pass) => inputs with { StudentClean = pass }),
        ("StudentAdversarial", (inputs, pass) => inputs with { StudentAdversarial = pass }),
    ];

    private static readonly (string Name, Func<DistillationInputs, TappedOutput, DistillationInputs> Set)[] _teacher =
    [
        ("TeacherClean", (inputs, pass) => inputs with { TeacherClean = pass }),
        ("TeacherAdversarial", (inputs, pass) => inputs with { TeacherAdversarial = pass }),
        ("TeacherOnStudentAdversarial", (inputs, pass) => inputs with { TeacherOnStudentAdversarial = pass }),
        ("StandardTeacherOnStudentAdversarial", (inputs, pass) => inputs with { StandardTeacherOnStudentAdversarial = pass }),
    ];

    [Fact]
    public void Inputs_SharedModuleInAnyTwoPasses_IsRefusedInEitherOrder()
    {
        using var scope = NewDisposeScope();
        using var model = TrainingWorld.Network(1);
        using var another = TrainingWorld.Network(2);
        using var studentTap = FeatureTap.Attach(model, "layer*");
        using var sharedTap = FeatureTap.AttachFrozen(model, "layer*");
        using var ownTap = FeatureTap.AttachFrozen(another, "layer*");
        var images = TinyModels.Random([2, 1, 8, 8], 1, ScalarType.Float32);
        var (own, shared, apart) = (studentTap.Forward(images), sharedTap.Forward(images), ownTap.Forward(images));
        var inputs = new DistillationInputs { Labels = tensor([0L, 1L]) };
        foreach (var (studentName, student) in _student)
        {
            foreach (var (teacherName, teacher) in _teacher)
            {
                var because = $"{studentName} and {teacherName}";
                inputs.Invoking(i => teacher(student(i, own), shared)).Should().Throw<ArgumentException>(because);
                inputs.Invoking(i => student(teacher(i, shared), own)).Should().Throw<ArgumentException>(because);
                inputs.Invoking(i => teacher(student(i, own), apart)).Should().NotThrow(because);
                inputs.Invoking(i => student(teacher(i, apart), own)).Should().NotThrow(because);
            }
        }
    }
}
