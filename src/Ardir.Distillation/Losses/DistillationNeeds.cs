namespace Ardir.Distillation;

/// <summary>What a loss needs to be computed; the trainer runs exactly that.</summary>
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

    /// <summary>Whether a teacher is needed at all.</summary>
    public bool NeedsTeacher => (Passes & (NetworkPasses.TeacherClean | NetworkPasses.TeacherAdversarial)) != NetworkPasses.None;

    /// <summary>Whether the student must be attacked.</summary>
    public bool NeedsStudentAttack => Passes.HasFlag(NetworkPasses.StudentAdversarial);
}
