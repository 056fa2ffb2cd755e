using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>
/// TRADES (Zhang et al. 2019): CE(S(x), y) + beta * KL(S(x) || S(x')), without a teacher. The first term trains for accuracy on clean
/// images, the second for equal predictions on clean and adversarial images. Its attack maximises the same divergence from 0.001*N(0,1),
/// in eval mode, in ten steps of 0.007 for epsilon 0.031.
/// </summary>
public sealed class TradesLoss : IDistillationLoss
{
    private readonly TradesLossOptions _options;

    /// <summary>Creates the loss.</summary>
    /// <param name="options">Options; beta 6 when null.</param>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    public TradesLoss(TradesLossOptions? options = null)
    {
        _options = options ?? new TradesLossOptions();
        _options.Validate();
    }

    /// <inheritdoc/>
    public string Name => "TRADES";

    /// <inheritdoc/>
    public DistillationNeeds Needs { get; } = new()
    {
        Passes = [NetworkPass.StudentClean, NetworkPass.StudentAdversarial],
        InnerMaximization = new InnerMaximization
        {
            Objective = InnerObjective.KlToClean,
            Start = RandomStart.GaussianUnclamped,
            StepShare = 0.007 / 0.031,
        },
    };

    /// <summary>The loss of a batch.</summary>
    /// <param name="inputs">The student on clean and on adversarial images, logits [N,K].</param>
    /// <returns>Total and the parts <see cref="LossTerms.CrossEntropy"/> and <see cref="LossTerms.SelfKl"/>.</returns>
    /// <exception cref="ArgumentException">A pass is missing, or shapes, dtypes or devices do not fit.</exception>
    public LossTerms Compute(DistillationInputs inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        var clean = inputs[NetworkPass.StudentClean].Output;
        var adversarial = inputs[NetworkPass.StudentAdversarial].Output;
        LossGuard.SameLogits(inputs, (nameof(inputs.StudentClean), clean), (nameof(inputs.StudentAdversarial), adversarial));
        using var scope = NewDisposeScope();
        var sum = new LossTermsBuilder();
        sum.Add(LossTerms.CrossEntropy, HardLabels.CrossEntropy(clean, inputs.Labels, inputs.LabelSmoothing));
        var divergence = KlDivergence.PerSample(_options.DetachClean ? clean.detach() : clean, adversarial);
        sum.Add(LossTerms.SelfKl, KlDivergence.Reduce(divergence, clean.shape[1], _options.KlReduction, inputs.Share), _options.Beta);
        return sum.Build();
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Name} {StatedIdentity.Of(_options)}";
}
