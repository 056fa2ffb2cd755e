namespace Ardir.Attacks;

/// <summary>The losses that attacks maximise, one value per sample. With targets they take their targeted form.</summary>
public static class AttackLoss
{
    /// <summary>Cross-entropy, -log softmax(z)_y; targeted: log softmax(z)_t.</summary>
    public static IAttackLoss CrossEntropy { get; } = new CrossEntropyAttackLoss();

    /// <summary>Difference of logits ratio (Croce and Hein 2020, Eq. 6): -(z_y - max_{i!=y} z_i) / (z_1st - z_3rd + 1e-12);
    /// targeted (Eq. 7): -(z_y - z_t) / (z_1st - (z_3rd + z_4th)/2 + 1e-12). Needs at least 3 classes, targeted 4.</summary>
    public static IAttackLoss Dlr { get; } = new DlrAttackLoss();

    /// <summary>As <see cref="Dlr"/>, but the margin for models with too few classes for it: max_{i!=y} z_i - z_y, targeted
    /// z_t - z_y.</summary>
    public static IAttackLoss DlrOrMargin { get; } = new DlrAttackLoss(marginIfFew: true);

    /// <summary>Margin (Carlini and Wagner 2017), max_{i!=y} z_i - z_y; targeted: z_t - max_{i!=t} z_i.</summary>
    public static IAttackLoss Margin { get; } = new MarginAttackLoss();

    /// <summary>KL(softmax z(x0) || softmax z(x)) with x0 the clean image (TRADES). Its gradient is zero at x0: use a random start.
    /// Untargeted only.</summary>
    public static IAttackLoss KlToClean { get; } = new KlAttackLoss(teacher: null);

    /// <summary>KL(softmax z_T(x0) || softmax z(x)) with the teacher on the clean image (RSLAD). Untargeted only.</summary>
    /// <param name="teacher">Returns logits [N,K]; runs in eval mode, without gradient.</param>
    /// <returns>The loss.</returns>
    public static IAttackLoss KlToTeacher(IModule teacher)
    {
        ArgumentNullException.ThrowIfNull(teacher);
        return new KlAttackLoss(teacher);
    }

    /// <summary>A custom loss, untargeted.</summary>
    /// <param name="name">For messages and logs. An evaluation or training run that resumes recognises the loss by it, so give a
    /// changed loss another name.</param>
    /// <param name="loss">(logits [n,K], labels int64 [n]) to the loss to be maximised, [n].</param>
    /// <returns>The loss.</returns>
    public static IAttackLoss Custom(string name, Func<Tensor, Tensor, Tensor> loss)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(loss);
        return new CustomAttackLoss(name, loss);
    }

    /// <summary>A custom loss that also receives the targets and the numbers of the samples in their data set.</summary>
    /// <param name="name">For messages and logs. An evaluation or training run that resumes recognises the loss by it, so give a
    /// changed loss another name.</param>
    /// <param name="loss">From the inputs to the loss to be maximised, [n].</param>
    /// <returns>The loss.</returns>
    /// <example><code>
    /// // A weight per image of the data set, [N], on the device of the model.
    /// var loss = AttackLoss.Custom("weighted", inputs => weights.index_select(0, inputs.SampleIndices)
    ///     * nn.functional.cross_entropy(inputs.Logits, inputs.Labels, reduction: nn.Reduction.None));
    /// </code></example>
    public static IAttackLoss Custom(string name, Func<AttackLossInputs, Tensor> loss)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(loss);
        return new CustomAttackLoss(name, loss);
    }
}
