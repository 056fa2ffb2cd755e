using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>KL divergence between a teacher's and a student's class probabilities at a temperature (Eq. 4 and 5 of the ARDIR paper with
/// alpha = 1). Used alone, it trains the student to predict on adversarial images what the teacher predicts on clean ones.</summary>
public sealed class KlDivergenceLoss : IDistillationLoss
{
    private readonly KlDivergenceLossOptions _options;

    /// <summary>Creates the loss.</summary>
    /// <param name="options">Options; the mathematical divergence at temperature 1 when null.</param>
    /// <exception cref="ArgumentException">An option is out of range, or options contradict each other.</exception>
    public KlDivergenceLoss(KlDivergenceLossOptions? options = null)
    {
        options ??= new KlDivergenceLossOptions();
        _options = options with { LabelReplacement = options.LabelReplacement ?? LabelReplacement.None };
        _options.Validate();
    }

    /// <inheritdoc/>
    public string Name => "KL";

    /// <inheritdoc/>
    public DistillationNeeds Needs { get; } = new() { Passes = [NetworkPass.StudentAdversarial, NetworkPass.TeacherClean] };

    /// <inheritdoc/>
    public LossTerms Compute(DistillationInputs inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        return Compute(inputs[NetworkPass.StudentAdversarial].Output, inputs[NetworkPass.TeacherClean].Output, inputs);
    }

    /// <summary>The loss of a batch.</summary>
    /// <param name="student">Its output is logits [N,K].</param>
    /// <param name="teacher">Its output is logits [N,K], treated as constants.</param>
    /// <param name="labels">True classes, int64 [N].</param>
    /// <returns>Total and the parts <see cref="LossTerms.Kl"/> and <see cref="LossTerms.Replaced"/>.</returns>
    /// <exception cref="ArgumentException">Shapes, dtypes or devices do not fit.</exception>
    public LossTerms Compute(TappedOutput student, TappedOutput teacher, Tensor labels)
    {
        ArgumentNullException.ThrowIfNull(student);
        ArgumentNullException.ThrowIfNull(teacher);
        TappedOutput.EnsureSeparate(student, teacher);
        return Compute(student.Output, teacher.Output, labels);
    }

    /// <summary>The loss of a batch of logits.</summary>
    /// <param name="studentLogits">[N,K].</param>
    /// <param name="teacherLogits">[N,K], treated as constants.</param>
    /// <param name="labels">True classes, int64 [N].</param>
    /// <returns>Total and the parts <see cref="LossTerms.Kl"/> and <see cref="LossTerms.Replaced"/>.</returns>
    /// <exception cref="ArgumentException">Shapes, dtypes or devices do not fit.</exception>
    public LossTerms Compute(Tensor studentLogits, Tensor teacherLogits, Tensor labels) =>
        Compute(studentLogits, teacherLogits, new DistillationInputs { Labels = labels });

    private LossTerms Compute(Tensor studentLogits, Tensor teacherLogits, DistillationInputs inputs)
    {
        var labels = inputs.Labels;
        Check(studentLogits, teacherLogits, labels, inputs.Checked);
        using var scope = NewDisposeScope();
        var terms = new LossTermsBuilder();
        AddTo(terms, PerSample(studentLogits, teacherLogits, labels), studentLogits.shape[1], share: inputs.Share);
        return terms.Build();
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Name} {StatedIdentity.Of(_options)}";

    internal static void Check(Tensor studentLogits, Tensor teacherLogits, Tensor labels, CheckedBatch? known)
    {
        CheckShapes(studentLogits, teacherLogits, labels);
        TensorGuard.LabelRange(labels, studentLogits.shape[1], known: known);
    }

    internal static void CheckShapes(Tensor studentLogits, Tensor teacherLogits, Tensor labels)
    {
        LossGuard.Logits(studentLogits, labels);
        LossGuard.Logits(teacherLogits, labels);
        LossGuard.SameShape(studentLogits, teacherLogits, "logits");
    }

    /// <summary>Divergence of each sample, [N], scaled by the temperature squared unless the options say otherwise. In the current
    /// scope.</summary>
    internal (Tensor Divergence, Tensor Wrong) PerSample(Tensor studentLogits, Tensor teacherLogits, Tensor labels)
    {
        var (t, scale) = (_options.Temperature, _options.ScaleByTemperatureSquared);
        var z = LossPrecision.AtLeastSingle(studentLogits);
        var soft = SoftLabels.Of(LossPrecision.AtLeastSingle(teacherLogits), labels, t, _options.LabelReplacement!.Value);
        var logP = (z / t).log_softmax(1);
        var divergence = _options.Direction == KlDirection.TeacherStudent
            ? nn.functional.kl_div(logP, soft.Probabilities, reduction: nn.Reduction.None, log_target: false).sum(1)
            : nn.functional.kl_div(soft.Scaled.log_softmax(1), logP, reduction: nn.Reduction.None, log_target: true).sum(1);
        if (scale && t != 1) divergence = divergence * (t * t);
        if (_options.HardLabelTemperature is { } hard && hard != t)
        {
            var crossEntropy = nn.functional.cross_entropy(z / hard, labels, reduction: nn.Reduction.None);
            divergence = where(soft.Wrong, scale ? crossEntropy * (hard * hard) : crossEntropy, divergence);
        }
        return (divergence, soft.Wrong);
    }

    /// <summary>Adds the divergence of the batch, reduced as the options say, and the share of replaced labels.</summary>
    internal void AddTo(
        LossTermsBuilder terms, (Tensor Divergence, Tensor Wrong) samples, long classes, double weight = 1, double share = 1)
    {
        var kl = KlDivergence.Reduce(samples.Divergence, classes, _options.Reduction, share);
        terms.Add(LossTerms.Kl, kl, weight);
        var replaces = _options.LabelReplacement != LabelReplacement.None;
        terms.AddPart(LossTerms.Replaced, replaces ? samples.Wrong.to(kl.dtype).mean() : zeros([], kl.dtype, kl.device));
    }
}
