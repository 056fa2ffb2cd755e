namespace Ardir.Distillation;

/// <summary>KL divergences between class probabilities, per sample and in the current dispose scope.</summary>
internal static class Divergence
{
    /// <summary>KL(softmax(reference/t) || softmax(logits/t)) of each sample, [N], at least float32. Gradients flow into every argument
    /// that has a graph, because the released code of TRADES and IAD does not detach the student's own prediction that serves as
    /// reference.</summary>
    public static Tensor PerSample(Tensor reference, Tensor logits, double temperature = 1)
    {
        var logP = LogSoftmax(reference, temperature);
        return (logP.exp() * (logP - LogSoftmax(logits, temperature))).sum(1);
    }

    public static Tensor LogSoftmax(Tensor logits, double temperature = 1)
    {
        var z = LossPrecision.AtLeastSingle(logits);
        return (temperature == 1 ? z : z / temperature).log_softmax(1);
    }

    public static Tensor Reduce(Tensor perSample, long classes, KlReduction reduction) => reduction switch
    {
        KlReduction.ElementMean => perSample.mean() / (double)classes,
        KlReduction.Sum => perSample.sum(),
        _ => perSample.mean(),
    };
}
