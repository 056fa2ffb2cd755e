using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>A teacher's class probabilities for a batch, constant in the graph.</summary>
/// <param name="Probabilities">q, [N,K]; one-hot where replaced.</param>
/// <param name="Scaled">Logits divided by the temperature, replaced if the replacement is of logits. Their log-softmax is log q, finite
/// even where q itself underflows.</param>
/// <param name="Wrong">bool [N]: the teacher's argmax is not the label.</param>
public readonly record struct SoftLabels(Tensor Probabilities, Tensor Scaled, Tensor Wrong)
{
    /// <summary>softmax(z_T / temperature), with the rows that the teacher gets wrong replaced as asked (ARDIR, section 3.3).</summary>
    /// <param name="teacherLogits">[N,K], floating point, used as it is: pass half precision through
    /// <see cref="LossPrecision.AtLeastSingle"/>.</param>
    /// <param name="labels">True classes, int64 [N].</param>
    /// <param name="temperature">Positive.</param>
    /// <param name="replacement">What to do with rows that the teacher gets wrong.</param>
    /// <returns>Three tensors in the current dispose scope, on the device of the logits.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The temperature is not positive and finite.</exception>
    public static SoftLabels Of(Tensor teacherLogits, Tensor labels, double temperature, LabelReplacement replacement)
    {
        ArgumentNullException.ThrowIfNull(teacherLogits);
        ArgumentNullException.ThrowIfNull(labels);
        LossGuard.Temperature(temperature);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var logits = teacherLogits.detach();
        var wrong = Predictions.Of(logits) != labels;
        var oneHot = nn.functional.one_hot(labels, logits.shape[1]).to(logits.dtype);
        if (replacement == LabelReplacement.Logits) logits = where(wrong.unsqueeze(1), oneHot, logits);
        var scaled = logits / temperature;
        var q = scaled.softmax(1);
        if (replacement == LabelReplacement.Probabilities) q = where(wrong.unsqueeze(1), oneHot, q);
        return new SoftLabels(q.MoveToOuterDisposeScope(), scaled.MoveToOuterDisposeScope(), wrong.MoveToOuterDisposeScope());
    }
}
