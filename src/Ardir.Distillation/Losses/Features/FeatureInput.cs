namespace Ardir.Distillation;

/// <summary>On which images the student's feature maps are taken.</summary>
public enum FeatureInput
{
    /// <summary>Adversarial images, as in Eq. 6, figure 1 and the text of the ARDIR paper. The KL term uses the same pass.</summary>
    Adversarial,

    /// <summary>Clean images, as Eq. 11, 12 and Algorithm 1 literally say. Costs a second student pass, and the feature distance then never
    /// sees an attack.</summary>
    Clean,
}
