using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>What a trainer refuses before any work. Changes no network.</summary>
internal static class SetupGuard
{
    public static TrainingSetup Check(
        nn.Module<Tensor, Tensor> student, IModule? teacher, IModule? standardTeacher, IDistillationLoss loss, TrainerOptions options)
    {
        ArgumentNullException.ThrowIfNull(student);
        ArgumentNullException.ThrowIfNull(loss);
        options.Validate();
        Needs(teacher, standardTeacher, loss);
        options = CraftingPlan.Complete(options, loss, teacher);
        if (!student.parameters().Any(parameter => parameter.requires_grad))
            throw new ArgumentException("The student has no parameter that requires a gradient.", nameof(student));
        if ((SharedModules.Find(student, teacher as nn.Module) ?? SharedModules.Find(student, standardTeacher as nn.Module)) is { } shared)
            throw new ArgumentException(SharedModules.Refusal(shared), nameof(teacher));
        StudentGuard.Precision(student, options);
        if (loss.Trainable is { } trainable
            && (SharedModules.Find(trainable, student)
                ?? SharedModules.Find(trainable, teacher as nn.Module)
                ?? SharedModules.Find(trainable, standardTeacher as nn.Module)) is { } common)
            throw new ArgumentException(
                $"The loss {loss.Name} trains a module of one of the networks ({common}); " +
                "IDistillationLoss.Trainable is for parameters of the loss itself.", nameof(loss));
        return new TrainingSetup(student, teacher, standardTeacher, loss, options);
    }

    private static void Needs(IModule? teacher, IModule? standardTeacher, IDistillationLoss loss)
    {
        if ((loss.Needs.Passes & (NetworkPasses.StudentClean | NetworkPasses.StudentAdversarial)) == NetworkPasses.None)
            throw new ArgumentException($"The loss {loss.Name} needs no pass of the student, so it cannot train one.", nameof(loss));
        if (loss.Needs.NeedsTeacher && teacher is null)
            throw new ArgumentNullException(nameof(teacher), $"The loss {loss.Name} needs a teacher.");
        if (loss.Needs.NeedsStandardTeacher && standardTeacher is null)
            throw new ArgumentNullException(
                nameof(standardTeacher), $"The loss {loss.Name} needs a second, ordinarily trained teacher: pass it as standardTeacher.");
    }
}
