namespace Ardir.Distillation;

/// <summary>Argument order of a KL divergence.</summary>
public enum KlDirection
{
    /// <summary>KL(teacher || student), as in all released code.</summary>
    TeacherStudent,

    /// <summary>KL(student || teacher), the literal order of ARDIR's Eq. 6. Infinite for one-hot targets, so it cannot be combined with
    /// <see cref="LabelReplacement.Probabilities"/>.</summary>
    StudentTeacher,
}
