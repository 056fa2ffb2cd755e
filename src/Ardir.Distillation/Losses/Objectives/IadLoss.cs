using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>
/// IAD-I, introspective adversarial distillation (Zhu et al. 2022):
/// alpha * t^2 * KL_t(T(x) || S(x')) + alpha * mean of (1-A) * KL(S(x) || S(x')) + (1-alpha) * CE(S(x), y). The less the teacher can be
/// trusted on the student's adversarial image, the more the student learns from its own prediction on the clean image. The trust is
/// A = T(x')_y ^ beta; before the epoch <see cref="IadLossOptions.Begin"/> there is no second term. Its attack maximises cross-entropy from
/// an unclamped uniform start, with batch norm in train mode.
/// </summary>
public sealed class IadLoss : IDistillationLoss
{
    private readonly IadLossOptions _options;

    /// <summary>Creates the loss.</summary>
    /// <param name="options">Options; those of the released code when null.</param>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    public IadLoss(IadLossOptions? options = null)
    {
        _options = options ?? new IadLossOptions();
        _options.Validate();
    }

    /// <inheritdoc/>
    public string Name => "IAD-I";

    /// <inheritdoc/>
    public DistillationNeeds Needs { get; } = new()
    {
        Passes =
        [
            NetworkPass.StudentClean, NetworkPass.StudentAdversarial,
            NetworkPass.TeacherClean, NetworkPass.TeacherOnStudentAdversarial,
        ],
        InnerMaximization = new InnerMaximization { Start = RandomStart.UniformUnclamped, TrainMode = true },
    };

    /// <summary>The loss of a batch.</summary>
    /// <param name="inputs">The student on clean and on adversarial images, the teacher on clean images and on the student's adversarial
    /// images, logits [N,K]; the teacher's logits are constants.</param>
    /// <returns>Total and the parts <see cref="LossTerms.Kl"/>, from the epoch <see cref="IadLossOptions.Begin"/> on
    /// <see cref="LossTerms.SelfKl"/> and <see cref="LossTerms.Trust"/>, and with alpha below 1
    /// <see cref="LossTerms.CrossEntropy"/>.</returns>
    /// <exception cref="ArgumentException">A pass is missing, or shapes, dtypes or devices do not fit.</exception>
    public LossTerms Compute(DistillationInputs inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        var clean = inputs[NetworkPass.StudentClean].Output;
        var adversarial = inputs[NetworkPass.StudentAdversarial].Output;
        var teacher = inputs[NetworkPass.TeacherClean].Output;
        var judge = inputs[NetworkPass.TeacherOnStudentAdversarial].Output;
        LossGuard.SameLogits(
            inputs, (nameof(inputs.StudentClean), clean), (nameof(inputs.StudentAdversarial), adversarial),
            (nameof(inputs.TeacherClean), teacher), (nameof(inputs.TeacherOnStudentAdversarial), judge));
        using var scope = NewDisposeScope();
        var (alpha, t) = (_options.Alpha, _options.Temperature);
        var sum = new LossTermsBuilder();
        var taught = KlDivergence.PerSample(teacher.detach(), adversarial, t) * (t * t);
        if (inputs.Epoch < _options.Begin)
        {
            sum.Add(LossTerms.Kl, taught.mean(), alpha);
        }
        else
        {
            var trust = TeacherTrust.PerSample(judge, inputs.Labels, _options.Beta);
            sum.Add(LossTerms.Kl, (_options.WeighTeacher ? taught * trust : taught).mean(), alpha);
            var self = KlDivergence.PerSample(_options.DetachClean ? clean.detach() : clean, adversarial);
            sum.Add(LossTerms.SelfKl, (self * (1 - trust)).mean(), alpha);
            sum.AddPart(LossTerms.Trust, trust.mean());
        }
        if (alpha < 1) sum.Add(LossTerms.CrossEntropy, HardLabels.CrossEntropy(clean, inputs.Labels, inputs.LabelSmoothing), 1 - alpha);
        return sum.Build();
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Name} {StatedIdentity.Of(_options)}";
}
