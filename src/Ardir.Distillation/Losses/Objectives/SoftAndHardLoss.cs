namespace Ardir.Distillation;

/// <summary>alpha * KL + (1-alpha) * CE: what KD and ARD share. A term with weight 0 is not computed.</summary>
internal sealed class SoftAndHardLoss(double alpha, KlDivergenceLossOptions options)
{
    private readonly KlDivergenceLoss _kl = new(options);

    public LossTerms Compute(Tensor softLogits, Tensor hardLogits, Tensor teacherLogits, DistillationInputs inputs)
    {
        var labels = inputs.Labels;
        KlDivergenceLoss.Check(softLogits, teacherLogits, labels, inputs.Checked);
        LossGuard.SameShape(hardLogits, teacherLogits, "logits on clean images");
        using var scope = NewDisposeScope();
        var parts = new Dictionary<string, Tensor>();
        Tensor? total = null;
        if (alpha > 0)
        {
            var (divergence, wrong) = _kl.PerSample(softLogits, teacherLogits, labels);
            var kl = _kl.Reduce(divergence, softLogits.shape[1]);
            parts[LossTerms.Kl] = kl.detach();
            parts[LossTerms.Replaced] = _kl.ReplacedShare(wrong, kl.dtype);
            total = alpha == 1 ? kl : kl * alpha;
        }
        if (alpha < 1)
        {
            var crossEntropy = HardLabels.CrossEntropy(hardLogits, labels, inputs.LabelSmoothing);
            parts[LossTerms.CrossEntropy] = crossEntropy.detach();
            total = total is null ? crossEntropy : total + crossEntropy * (1 - alpha);
        }
        foreach (var part in parts.Values) part.MoveToOuterDisposeScope();
        return new LossTerms(total!.MoveToOuterDisposeScope(), parts);
    }
}
