using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>Cross-entropy with the true labels and label smoothing, computed here for all losses.</summary>
internal static class HardLabels
{
    /// <summary>The mean over the batch as loss terms, which standard and adversarial training share.</summary>
    public static LossTerms CrossEntropy(Tensor logits, Tensor labels, double smoothing)
    {
        LossGuard.Logits(logits, labels);
        TensorGuard.LabelRange(labels, logits.shape[1]);
        using var scope = NewDisposeScope();
        var total = Mean(logits, labels, smoothing).MoveToOuterDisposeScope();
        return new LossTerms(total, new Dictionary<string, Tensor>
        {
            [LossTerms.CrossEntropy] = total.detach().MoveToOuterDisposeScope(),
        });
    }

    /// <summary>The mean over the batch, in the caller's dispose scope.</summary>
    public static Tensor Mean(Tensor logits, Tensor labels, double smoothing) =>
        nn.functional.cross_entropy(LossPrecision.AtLeastSingle(logits), labels, label_smoothing: smoothing);
}
