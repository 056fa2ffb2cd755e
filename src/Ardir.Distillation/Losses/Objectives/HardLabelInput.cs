namespace Ardir.Distillation;

/// <summary>On which images the cross-entropy with the true labels is taken.</summary>
public enum HardLabelInput
{
    /// <summary>Adversarial images (Eq. 5 of the ARDIR paper).</summary>
    Adversarial,

    /// <summary>Clean images (the released code of ARD). Costs a second student pass.</summary>
    Clean,
}
