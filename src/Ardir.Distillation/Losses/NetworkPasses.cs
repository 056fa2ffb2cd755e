namespace Ardir.Distillation;

/// <summary>Which network sees which images in one training step.</summary>
[Flags]
public enum NetworkPasses
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>The student on the clean (augmented) images.</summary>
    StudentClean = 1,

    /// <summary>The student on adversarial images crafted against it.</summary>
    StudentAdversarial = 2,

    /// <summary>The teacher on the clean (augmented) images: the same tensor from which the student's adversarial images start.</summary>
    TeacherClean = 4,

    /// <summary>The teacher on adversarial images crafted against the teacher itself.</summary>
    TeacherAdversarial = 8,

    /// <summary>The teacher on the adversarial images crafted against the student; IAD derives its trust in the teacher from
    /// them.</summary>
    TeacherOnStudentAdversarial = 16,

    /// <summary>A second, ordinarily trained teacher on the adversarial images crafted against the student (IAD-II, AKD2).</summary>
    StandardTeacherOnStudentAdversarial = 32,
}
