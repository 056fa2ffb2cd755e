namespace Ardir.Distillation;

/// <summary>How the distances of the layers become one number per sample.</summary>
public enum FeatureDistanceForm
{
    /// <summary>sqrt(sum of squared layer distances + 1e-12): the norm of Eq. 7 and 11, with which the paper's beta was tuned.</summary>
    Norm,

    /// <summary>Sum of squared layer distances: LPIPS of Zhang et al. without learned weights.</summary>
    Squared,

    /// <summary>Sum of the layers' norms.</summary>
    SumOfLayerNorms,
}
