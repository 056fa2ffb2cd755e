using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>
/// AKD2, the distillation of "Robust overfitting may be mitigated by properly learned smoothening" (Chen et al. 2021):
/// w_ce * CE(S(x'), y) + w_st * KD(T_st) + w_rob * KD(T) with KD(T) = t^2 * mean of -sum softmax(T(x')/t) log softmax(S(x')/t), for a
/// robust teacher T and an ordinarily trained teacher T_st, both on the student's adversarial images. Its attack maximises cross-entropy
/// from a uniform start, with batch norm in train mode. The paper also averages weights, which is a task of the trainer and not of this
/// loss.
/// </summary>
public sealed class Akd2Loss : IDistillationLoss
{
    private readonly Akd2LossOptions _options;

    /// <summary>Creates the loss.</summary>
    /// <param name="options">Options; those of the released code when null.</param>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    public Akd2Loss(Akd2LossOptions? options = null)
    {
        _options = options ?? new Akd2LossOptions();
        _options.Validate();
    }

    /// <inheritdoc/>
    public string Name => "AKD2";

    /// <inheritdoc/>
    public DistillationNeeds Needs { get; } = new()
    {
        Passes = [NetworkPass.StudentAdversarial, NetworkPass.TeacherOnStudentAdversarial, NetworkPass.StandardTeacherOnStudentAdversarial],
        InnerMaximization = new InnerMaximization { TrainMode = true },
    };

    /// <summary>The loss of a batch.</summary>
    /// <param name="inputs">The student and both teachers on the student's adversarial images, logits [N,K]; the teachers' logits are
    /// constants.</param>
    /// <returns>Total and the parts <see cref="LossTerms.CrossEntropy"/>, <see cref="LossTerms.SoftCrossEntropy"/> and
    /// <see cref="LossTerms.StandardSoftCrossEntropy"/>.</returns>
    /// <exception cref="ArgumentException">A pass is missing, or shapes, dtypes or devices do not fit.</exception>
    public LossTerms Compute(DistillationInputs inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        var student = inputs[NetworkPass.StudentAdversarial].Output;
        var robust = inputs[NetworkPass.TeacherOnStudentAdversarial].Output;
        var standard = inputs[NetworkPass.StandardTeacherOnStudentAdversarial].Output;
        LossGuard.SameLogits(
            inputs, (nameof(inputs.StudentAdversarial), student),
            (nameof(inputs.TeacherOnStudentAdversarial), robust), (nameof(inputs.StandardTeacherOnStudentAdversarial), standard));
        using var scope = NewDisposeScope();
        var t = _options.Temperature;
        var logP = KlDivergence.LogSoftmax(student, t);
        Tensor Soft(Tensor teacher) => (KlDivergence.LogSoftmax(teacher.detach(), t).exp() * logP).sum(1).mean().neg() * (t * t);
        var sum = new LossTermsBuilder();
        var crossEntropy = HardLabels.CrossEntropy(student, inputs.Labels, inputs.LabelSmoothing);
        sum.Add(LossTerms.CrossEntropy, crossEntropy, _options.CrossEntropyWeight);
        sum.Add(LossTerms.SoftCrossEntropy, Soft(robust), _options.RobustWeight);
        sum.Add(LossTerms.StandardSoftCrossEntropy, Soft(standard), _options.StandardWeight);
        return sum.Build();
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Name} {StatedIdentity.Of(_options)}";
}
