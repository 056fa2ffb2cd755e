using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>
/// IAD-II (Zhu et al. 2022), a robust teacher T and an ordinarily trained one T_st, both on the student's adversarial images:
/// (1-a1-a2) * CE(S(x'), y) + a1 * t^2 * mean of [A * KL_t(T(x') || S(x')) + (1-A) * KL(S(x) || S(x'))] +
/// a2 * t^2 * KL_t(T_st(x') || S(x')) with the trust A = T(x')_y ^ beta, and A = 1 before the epoch
/// <see cref="IadTwoTeacherLossOptions.Begin"/>. Its attack maximises cross-entropy from an unclamped uniform start, with batch norm in
/// train mode.
/// </summary>
public sealed class IadTwoTeacherLoss : IDistillationLoss
{
    private readonly IadTwoTeacherLossOptions _options;

    /// <summary>Creates the loss.</summary>
    /// <param name="options">Options; those of the released code when null.</param>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    public IadTwoTeacherLoss(IadTwoTeacherLossOptions? options = null)
    {
        _options = options ?? new IadTwoTeacherLossOptions();
        _options.Validate();
    }

    /// <inheritdoc/>
    public string Name => "IAD-II";

    /// <inheritdoc/>
    public DistillationNeeds Needs { get; } = new()
    {
        Passes =
        [
            NetworkPass.StudentClean, NetworkPass.StudentAdversarial,
            NetworkPass.TeacherOnStudentAdversarial, NetworkPass.StandardTeacherOnStudentAdversarial,
        ],
        InnerMaximization = new InnerMaximization { Start = RandomStart.UniformUnclamped, TrainMode = true },
    };

    /// <summary>The loss of a batch.</summary>
    /// <param name="inputs">The student on clean and on adversarial images, both teachers on the student's adversarial images, logits
    /// [N,K]; the teachers' logits are constants.</param>
    /// <returns>Total and the parts <see cref="LossTerms.CrossEntropy"/>, <see cref="LossTerms.Kl"/> (weighted by the trust),
    /// <see cref="LossTerms.StandardKl"/>, and from the epoch <see cref="IadTwoTeacherLossOptions.Begin"/> on
    /// <see cref="LossTerms.SelfKl"/> and <see cref="LossTerms.Trust"/>.</returns>
    /// <exception cref="ArgumentException">A pass is missing, or shapes, dtypes or devices do not fit.</exception>
    public LossTerms Compute(DistillationInputs inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        var clean = inputs[NetworkPass.StudentClean].Output;
        var adversarial = inputs[NetworkPass.StudentAdversarial].Output;
        var robust = inputs[NetworkPass.TeacherOnStudentAdversarial].Output;
        var standard = inputs[NetworkPass.StandardTeacherOnStudentAdversarial].Output;
        LossGuard.SameLogits(
            inputs, (nameof(inputs.StudentClean), clean), (nameof(inputs.StudentAdversarial), adversarial),
            (nameof(inputs.TeacherOnStudentAdversarial), robust), (nameof(inputs.StandardTeacherOnStudentAdversarial), standard));
        using var scope = NewDisposeScope();
        var (first, second, t) = (_options.RobustWeight, _options.StandardWeight, _options.Temperature);
        var square = t * t;
        var sum = new LossTermsBuilder();
        sum.Add(LossTerms.CrossEntropy, HardLabels.CrossEntropy(adversarial, inputs.Labels, inputs.LabelSmoothing), 1 - first - second);
        var taught = KlDivergence.PerSample(robust.detach(), adversarial, t) * square;
        if (inputs.Epoch < _options.Begin)
        {
            sum.Add(LossTerms.Kl, taught.mean(), first);
        }
        else
        {
            var trust = TeacherTrust.PerSample(robust, inputs.Labels, _options.Beta);
            sum.Add(LossTerms.Kl, (taught * trust).mean(), first);
            var self = KlDivergence.PerSample(_options.DetachClean ? clean.detach() : clean, adversarial);
            sum.Add(LossTerms.SelfKl, (self * (1 - trust)).mean() * square, first);
            sum.AddPart(LossTerms.Trust, trust.mean());
        }
        sum.Add(LossTerms.StandardKl, (KlDivergence.PerSample(standard.detach(), adversarial, t) * square).mean(), second);
        return sum.Build();
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Name} {StatedIdentity.Of(_options)}";
}
