using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>The mean cross-entropy of a batch as loss terms, which standard and adversarial training share.</summary>
internal static class HardLabelTerms
{
    /// <summary>Checks and computes them.</summary>
    /// <param name="logits">[N,K].</param>
    /// <param name="labels">int64 [N].</param>
    /// <param name="smoothing">In [0,1).</param>
    public static LossTerms Of(Tensor logits, Tensor labels, double smoothing)
    {
        LossGuard.Logits(logits, labels);
        TensorGuard.LabelRange(labels, logits.shape[1]);
        using var scope = NewDisposeScope();
        var terms = new LossTermsBuilder();
        terms.Add(LossTerms.CrossEntropy, HardLabels.CrossEntropy(logits, labels, smoothing));
        return terms.Build();
    }
}
