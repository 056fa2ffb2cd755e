namespace Ardir.Distillation;

/// <summary>IAD's trust in a teacher for each sample: the teacher's probability of the true class on the student's adversarial image,
/// raised to a power.</summary>
internal static class TeacherTrust
{
    /// <summary>A = softmax(teacher)_y ^ beta of each sample, [N], constant in the graph and in the current scope.</summary>
    public static Tensor PerSample(Tensor teacherLogits, Tensor labels, double beta)
    {
        using var noGrad = no_grad();
        // exp(beta * log p) instead of p^beta, because p can underflow to zero in float32 where p^beta with a small beta does not.
        return (KlDivergence.LogSoftmax(teacherLogits.detach()).gather(1, labels.unsqueeze(1)).squeeze(1) * beta).exp();
    }
}
