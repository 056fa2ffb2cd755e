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
        var terms = new LossTermsBuilder();
        if (alpha > 0) _kl.AddTo(terms, _kl.PerSample(softLogits, teacherLogits, labels), softLogits.shape[1], alpha, inputs.Share);
        if (alpha < 1)
            terms.Add(LossTerms.CrossEntropy, HardLabels.CrossEntropy(hardLogits, labels, inputs.LabelSmoothing), 1 - alpha);
        return terms.Build();
    }
}
