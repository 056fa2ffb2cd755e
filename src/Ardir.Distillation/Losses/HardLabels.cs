namespace Ardir.Distillation;

/// <summary>Cross-entropy with the true labels and label smoothing, computed here for all losses.</summary>
public static class HardLabels
{
    /// <summary>The mean cross-entropy of a batch, in the current dispose scope.</summary>
    /// <param name="logits">[N,K], floating point; half precision is computed in float32.</param>
    /// <param name="labels">True classes, int64 [N], from 0 to K-1.</param>
    /// <param name="smoothing">Share of each label that is spread evenly over all classes, in [0,1); pass
    /// <see cref="DistillationInputs.LabelSmoothing"/>.</param>
    /// <returns>A scalar.</returns>
    public static Tensor CrossEntropy(Tensor logits, Tensor labels, double smoothing = 0) =>
        nn.functional.cross_entropy(LossPrecision.AtLeastSingle(logits), labels, label_smoothing: smoothing);
}
