namespace Ardir.Distillation;

/// <summary>How far IAD trusts a teacher on an image: its probability of the true class on the student's adversarial image, to a power.</summary>
internal static class Trust
{
    /// <summary>A = softmax(teacher)_y ^ beta of each sample, [N], constant in the graph and in the current scope.</summary>
    public static Tensor PerSample(Tensor teacherLogits, Tensor labels, double beta)
    {
        using var noGrad = no_grad();
        // exp(beta * log p) and not p^beta: p itself underflows in float32 long before its small power does.
        return (Divergence.LogSoftmax(teacherLogits.detach()).gather(1, labels.unsqueeze(1)).squeeze(1) * beta).exp();
    }
}
