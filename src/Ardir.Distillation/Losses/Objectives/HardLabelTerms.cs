using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>The mean cross-entropy of a batch as loss terms, which standard and adversarial training share.</summary>
internal static class HardLabelTerms
{
    /// <summary>Checks and computes them.</summary>
    /// <param name="logits">[N,K].</param>
    /// <param name="inputs">Labels and their smoothing.</param>
    public static LossTerms Of(Tensor logits, DistillationInputs inputs)
    {
        var labels = inputs.Labels;
        LossGuard.Logits(logits, labels);
        TensorGuard.LabelRange(labels, logits.shape[1], known: inputs.Checked);
        using var scope = NewDisposeScope();
        var terms = new LossTermsBuilder();
        terms.Add(LossTerms.CrossEntropy, HardLabels.CrossEntropy(logits, labels, inputs.LabelSmoothing));
        return terms.Build();
    }
}
