namespace Ardir.Distillation;

/// <summary>What the attack on the student maximises while the adversarial images of a batch are crafted.</summary>
public enum InnerObjective
{
    /// <summary>Cross-entropy with the true labels (adversarial training, MART, ARD, ARDIR, IAD, AKD2).</summary>
    CrossEntropy,

    /// <summary>KL(student on the clean image || student), as in TRADES. Its gradient at the clean image is zero, so it needs a random
    /// start.</summary>
    KlToClean,

    /// <summary>KL(teacher on the clean image || student), as in RSLAD.</summary>
    KlToTeacher,
}
