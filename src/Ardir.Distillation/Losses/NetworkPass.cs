namespace Ardir.Distillation;

/// <summary>One forward pass of a training step: which network sees which images. A loss declares its passes in
/// <see cref="DistillationNeeds.Passes"/> and finds their outputs under the same keys in <see cref="DistillationInputs"/>.</summary>
/// <param name="Network">The network.</param>
/// <param name="Images">The images it sees.</param>
public sealed record NetworkPass(NetworkRole Network, ImageSource Images)
{
    /// <summary>The student on the clean (augmented) images.</summary>
    public static NetworkPass StudentClean { get; } = new(NetworkRole.Student, ImageSource.Clean);

    /// <summary>The student on adversarial images crafted against it.</summary>
    public static NetworkPass StudentAdversarial { get; } = new(NetworkRole.Student, ImageSource.Adversarial);

    /// <summary>The teacher on the clean (augmented) images: the same tensor from which the student's adversarial images start.</summary>
    public static NetworkPass TeacherClean { get; } = new(NetworkRole.Teacher, ImageSource.Clean);

    /// <summary>The teacher on adversarial images crafted against the teacher itself.</summary>
    public static NetworkPass TeacherAdversarial { get; } = new(NetworkRole.Teacher, ImageSource.AdversarialTo(NetworkRole.Teacher));

    /// <summary>The teacher on the adversarial images crafted against the student; IAD derives its trust in the teacher from
    /// them.</summary>
    public static NetworkPass TeacherOnStudentAdversarial { get; } = new(NetworkRole.Teacher, ImageSource.Adversarial);

    /// <summary>A second, ordinarily trained teacher on the adversarial images crafted against the student (IAD-II, AKD2).</summary>
    public static NetworkPass StandardTeacherOnStudentAdversarial { get; } = new(NetworkRole.StandardTeacher, ImageSource.Adversarial);

    /// <summary>A name for messages.</summary>
    /// <returns>For example <c>teacher on clean images</c>.</returns>
    public override string ToString() => $"{Network} on {Images}";
}
