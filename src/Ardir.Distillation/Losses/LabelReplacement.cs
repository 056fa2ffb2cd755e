namespace Ardir.Distillation;

/// <summary>What happens to soft labels that the teacher gets wrong (argmax is not the true class; lowest class on ties).</summary>
public enum LabelReplacement
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>The probabilities become one-hot: the row turns into cross-entropy at the loss's temperature.</summary>
    Probabilities,

    /// <summary>The logits become one-hot, then go through the softmax (a literal reading of ARDIR's section 3.3): nearly uniform targets, 0.232 on the true class of 10.</summary>
    Logits,
}
