namespace Ardir.Distillation;

/// <summary>What a loss needs in order to be computed; the trainer runs exactly these passes.</summary>
public sealed record DistillationNeeds
{
    /// <summary>The forward passes.</summary>
    public required NetworkPasses Passes { get; init; }

    /// <summary>Layers of the student to tap, as for <see cref="Core.FeatureTap.Attach"/>.</summary>
    /// <value>None by default.</value>
    public IReadOnlyList<string> StudentLayers { get; init; } = [];

    /// <summary>Layers of the teacher to tap.</summary>
    /// <value>None by default.</value>
    public IReadOnlyList<string> TeacherLayers { get; init; } = [];

    /// <summary>How the paper or released code behind the loss crafts the adversarial images against the student. The trainer uses it when
    /// it is given a threat model (<see cref="TrainerOptions.Threat"/>) and no attack.</summary>
    /// <value><see cref="Ardir.Distillation.InnerMaximization.Default"/> by default.</value>
    public InnerMaximization InnerMaximization { get; init; } = InnerMaximization.Default;

    /// <summary>Whether a teacher is needed at all.</summary>
    public bool NeedsTeacher =>
        Runs(NetworkPasses.TeacherClean | NetworkPasses.TeacherAdversarial | NetworkPasses.TeacherOnStudentAdversarial);

    /// <summary>Whether a second, ordinarily trained teacher is needed.</summary>
    public bool NeedsStandardTeacher => Runs(NetworkPasses.StandardTeacherOnStudentAdversarial);

    /// <summary>Whether the student must be attacked.</summary>
    public bool NeedsStudentAttack =>
        Runs(
            NetworkPasses.StudentAdversarial
            | NetworkPasses.TeacherOnStudentAdversarial
            | NetworkPasses.StandardTeacherOnStudentAdversarial);

    private bool Runs(NetworkPasses any) => (Passes & any) != NetworkPasses.None;
}
