using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>
/// MART (Wang et al. 2020): BCE(S(x'), y) + lambda * mean of KL(S(x) || S(x')) * (1 - S(x)_y), without a teacher: clean images that the
/// student classifies with little confidence or wrongly count more. BCE is CE(S(x'), y) - log(1 - S(x')_k) with k the most probable other
/// class. Its attack maximises cross-entropy from 0.001*N(0,1), in eval mode, in ten steps of 0.007 for epsilon 0.031.
/// </summary>
public sealed class MartLoss : IDistillationLoss
{
    // Constants of the released code, which keep the logarithms finite. They are part of the loss's values, so they must stay as they are.
    private const double LogFloor = 1e-12;
    private const double OneForMargin = 1.0001;
    private const double OneForWeight = 1.0000001;

    private readonly MartLossOptions _options;

    /// <summary>Creates the loss.</summary>
    /// <param name="options">Options; lambda 5 when null.</param>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    public MartLoss(MartLossOptions? options = null)
    {
        _options = options ?? new MartLossOptions();
        _options.Validate();
    }

    /// <inheritdoc/>
    public string Name => "MART";

    /// <inheritdoc/>
    public DistillationNeeds Needs { get; } = new()
    {
        Passes = [NetworkPass.StudentClean, NetworkPass.StudentAdversarial],
        InnerMaximization = new InnerMaximization { Start = RandomStart.GaussianUnclamped, StepShare = 0.007 / 0.031 },
    };

    /// <summary>The loss of a batch.</summary>
    /// <param name="inputs">The student on clean and on adversarial images, logits [N,K].</param>
    /// <returns>Total and the parts <see cref="LossTerms.CrossEntropy"/>, <see cref="LossTerms.Margin"/> and
    /// <see cref="LossTerms.SelfKl"/> (weighted per sample).</returns>
    /// <exception cref="ArgumentException">A pass is missing, or shapes, dtypes or devices do not fit.</exception>
    public LossTerms Compute(DistillationInputs inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        var clean = inputs[NetworkPass.StudentClean].Output;
        var adversarial = inputs[NetworkPass.StudentAdversarial].Output;
        LossGuard.SameLogits(inputs, (nameof(inputs.StudentClean), clean), (nameof(inputs.StudentAdversarial), adversarial));
        using var scope = NewDisposeScope();
        var truth = inputs.Labels.unsqueeze(1);
        var p = LossPrecision.AtLeastSingle(adversarial).softmax(1);
        var logQ = KlDivergence.LogSoftmax(clean);
        var q = logQ.exp();

        var sum = new LossTermsBuilder();
        sum.Add(LossTerms.CrossEntropy, HardLabels.CrossEntropy(adversarial, inputs.Labels, inputs.LabelSmoothing));
        var rival = p.scatter(1, truth, full_like(truth, -1, dtype: p.dtype)).amax(new long[] { 1 });
        sum.Add(LossTerms.Margin, (OneForMargin - rival + LogFloor).log().neg().mean());
        var divergence = (q * (logQ - (p + LogFloor).log())).sum(1);
        sum.Add(LossTerms.SelfKl, (divergence * (OneForWeight - q.gather(1, truth).squeeze(1))).mean(), _options.Lambda);
        return sum.Build();
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Name} {StatedIdentity.Of(_options)}";
}
