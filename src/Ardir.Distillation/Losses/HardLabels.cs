using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>Plain cross-entropy as loss terms: what standard and adversarial training share.</summary>
internal static class HardLabels
{
    public static LossTerms CrossEntropy(Tensor logits, Tensor labels)
    {
        LossGuard.Logits(logits, labels);
        TensorGuard.LabelRange(labels, logits.shape[1]);
        var total = nn.functional.cross_entropy(logits, labels);
        return new LossTerms(total, new Dictionary<string, Tensor> { [LossTerms.CrossEntropy] = total.detach() });
    }
}
