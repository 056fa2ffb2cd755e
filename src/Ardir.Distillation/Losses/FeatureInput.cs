namespace Ardir.Distillation;

/// <summary>On which images the student's feature maps are taken.</summary>
public enum FeatureInput
{
    /// <summary>Adversarial images: Eq. 6, figure 1 and the text of the ARDIR paper; the pass that the KL term uses, too.</summary>
    Adversarial,

    /// <summary>Clean images: Eq. 11, 12 and Algorithm 1 to the letter. Costs a second student pass and teaches the features nothing about attacks.</summary>
    Clean,
}
