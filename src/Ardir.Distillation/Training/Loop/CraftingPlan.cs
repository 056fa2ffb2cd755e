using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>Chooses the attacks that craft a run's adversarial images: those of the options, otherwise what the loss prescribes
/// for their threat model.</summary>
internal static class CraftingPlan
{
    /// <summary>The options with every attack that the loss needs, and the mode to craft in, filled in.</summary>
    public static TrainerOptions Complete(TrainerOptions options, IDistillationLoss loss, IModule? teacher)
    {
        if (options.Threat is { } threat && options.TrainAttack is { } own && own.Threat != threat)
            throw new ArgumentException(
                $"TrainerOptions.Threat is {threat}, but TrainAttack is made for {own.Threat}. " +
                "Set one of them, or the same threat model in both.", nameof(options));
        var (needs, prescribed) = (loss.Needs, options.TrainAttack is null ? options.Threat : null);
        if (needs.NeedsStudentAttack && options.TrainAttack is null && prescribed is null)
            throw new ArgumentException(
                $"The loss {loss.Name} trains on adversarial images: set TrainerOptions.Threat for the attack that " +
                "its source prescribes, or TrainAttack, for example to a PgdAttack.", nameof(options));
        var feedsTeacher = needs.Passes.HasFlag(NetworkPasses.TeacherAdversarial);
        if (feedsTeacher && (options.TeacherAttack ?? options.TrainAttack) is null && prescribed is null)
            throw new ArgumentException(
                $"The loss {loss.Name} feeds the teacher adversarial images: set TrainerOptions.Threat, TeacherAttack or TrainAttack.",
                nameof(options));
        if (prescribed is null) return options with { AttackInTrainMode = options.AttackInTrainMode ?? false };
        var inner = needs.InnerMaximization;
        return options with
        {
            TrainAttack = needs.NeedsStudentAttack ? inner.CreateAttack(prescribed, teacher) : null,
            // The teacher is attacked with the labels: the divergence from a teacher, which attacks the student, has no meaning
            // for the teacher itself.
            TeacherAttack = options.TeacherAttack
                ?? (feedsTeacher ? (inner with { Objective = InnerObjective.CrossEntropy }).CreateAttack(prescribed) : null),
            AttackInTrainMode = options.AttackInTrainMode ?? inner.TrainMode,
        };
    }
}
