namespace Ardir.Distillation;

/// <summary>
/// Which teacher sees which data (ARDIR, section 4). The first word is how the teacher was trained, which depends on the teacher that the
/// caller passes; the second is the data it sees, which the loss declares in its needs.
/// </summary>
public enum TeacherData
{
    /// <summary>RC: adversarially trained teacher on clean images; the paper's best (beta 0.6 on CIFAR-10, 0.8 on SVHN).</summary>
    RobustClean,

    /// <summary>CC: cleanly trained teacher on clean images (beta 0.4 on CIFAR-10, 0.2 on SVHN).</summary>
    CleanClean,

    /// <summary>RA: adversarially trained teacher on adversarial images crafted against it (beta 0.1 on CIFAR-10, 0.2 on SVHN). Costs a
    /// second attack per step.</summary>
    RobustAdversarial,

    /// <summary>CA: cleanly trained teacher on adversarial images crafted against it. Nearly every label is replaced, so the paper discards
    /// it; here for completeness.</summary>
    CleanAdversarial,
}
