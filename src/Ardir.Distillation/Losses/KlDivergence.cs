namespace Ardir.Distillation;

/// <summary>KL divergences between class probabilities, for your own losses. The results belong to the current dispose scope.</summary>
public static class KlDivergence
{
    /// <summary>KL(softmax(reference/t) || softmax(logits/t)) of each sample. Gradients flow into every argument that has a graph, because
    /// the released code of TRADES and IAD does not detach the student's own prediction that serves as reference; detach a
    /// teacher's.</summary>
    /// <param name="reference">Logits [N,K], floating point.</param>
    /// <param name="logits">Logits of the same shape.</param>
    /// <param name="temperature">Divides both, positive; 1 by default. The result is not multiplied by its square.</param>
    /// <returns>[N], not negative, in float32 or, for float64 logits, in float64.</returns>
    public static Tensor PerSample(Tensor reference, Tensor logits, double temperature = 1)
    {
        var logP = LogSoftmax(reference, temperature);
        return (logP.exp() * (logP - LogSoftmax(logits, temperature))).sum(1);
    }

    /// <summary>Logarithms of the class probabilities, log softmax(logits/t).</summary>
    /// <param name="logits">[N,K], floating point.</param>
    /// <param name="temperature">Divides the logits, positive; 1 by default.</param>
    /// <returns>[N,K], in float32 or, for float64 logits, in float64.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The temperature is not positive and finite.</exception>
    public static Tensor LogSoftmax(Tensor logits, double temperature = 1)
    {
        LossGuard.Temperature(temperature);
        var z = LossPrecision.AtLeastSingle(logits);
        return (temperature == 1 ? z : z / temperature).log_softmax(1);
    }

    /// <summary>Averages the divergences of a batch.</summary>
    /// <param name="perSample">[N].</param>
    /// <param name="classes">Number of classes K, which <see cref="KlReduction.ElementMean"/> divides by.</param>
    /// <param name="reduction">How to average.</param>
    /// <param name="share">Divides a sum, because a trainer multiplies the loss of a part of a batch by the part's share; pass
    /// <see cref="DistillationInputs.Share"/>.</param>
    /// <returns>A scalar.</returns>
    public static Tensor Reduce(Tensor perSample, long classes, KlReduction reduction, double share = 1)
    {
        ArgumentNullException.ThrowIfNull(perSample);
        return reduction switch
        {
            KlReduction.ElementMean => perSample.mean() / (double)classes,
            KlReduction.Sum => share == 1 ? perSample.sum() : perSample.sum() / share,
            _ => perSample.mean(),
        };
    }
}
