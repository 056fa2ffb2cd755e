namespace Ardir.Distillation;

/// <summary>What happens to soft labels that the teacher gets wrong (argmax is not the true class; lowest class on ties).</summary>
public enum LabelReplacement
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>The probabilities become one-hot: the sample's KL becomes cross-entropy at the loss's temperature.</summary>
    Probabilities,

    /// <summary>The logits become one-hot, then go through the softmax (a literal reading of ARDIR's section 3.3). The targets are nearly
    /// uniform: the true class of 10 has probability 0.232 at temperature 1.</summary>
    Logits,
}
