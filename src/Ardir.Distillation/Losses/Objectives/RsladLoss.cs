using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>
/// RSLAD (Zi et al. 2021): w * KL(T(x) || S(x')) + (1-w) * KL(T(x) || S(x)), with the robust teacher's soft labels only. Its attack
/// maximises KL(T(x) || S(x')) from 0.001*N(0,1), in eval mode, in ten steps of epsilon/4.
/// </summary>
public sealed class RsladLoss : IDistillationLoss
{
    private readonly RsladLossOptions _options;

    /// <summary>Creates the loss.</summary>
    /// <param name="options">Options; 5/6 on adversarial images when null.</param>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    public RsladLoss(RsladLossOptions? options = null)
    {
        _options = options ?? new RsladLossOptions();
        _options.Validate();
    }

    /// <inheritdoc/>
    public string Name => "RSLAD";

    /// <inheritdoc/>
    public DistillationNeeds Needs { get; } = new()
    {
        Passes = [NetworkPass.StudentClean, NetworkPass.StudentAdversarial, NetworkPass.TeacherClean],
        InnerMaximization = new InnerMaximization { Objective = InnerObjective.KlToTeacher, Start = RandomStart.GaussianUnclamped },
    };

    /// <summary>The loss of a batch.</summary>
    /// <param name="inputs">The student on clean and on adversarial images, the teacher on clean ones, logits [N,K]; the teacher's logits
    /// are constants.</param>
    /// <returns>Total and the parts <see cref="LossTerms.Kl"/> (on adversarial images) and <see cref="LossTerms.CleanKl"/>.</returns>
    /// <exception cref="ArgumentException">A pass is missing, or shapes, dtypes or devices do not fit.</exception>
    public LossTerms Compute(DistillationInputs inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        var clean = inputs[NetworkPass.StudentClean].Output;
        var adversarial = inputs[NetworkPass.StudentAdversarial].Output;
        var teacher = inputs[NetworkPass.TeacherClean].Output;
        LossGuard.SameLogits(
            inputs, (nameof(inputs.StudentClean), clean), (nameof(inputs.StudentAdversarial), adversarial),
            (nameof(inputs.TeacherClean), teacher));
        using var scope = NewDisposeScope();
        var constant = teacher.detach();
        Tensor Mean(Tensor student) =>
            KlDivergence.Reduce(KlDivergence.PerSample(constant, student), student.shape[1], _options.KlReduction, inputs.Share);
        var sum = new LossTermsBuilder();
        sum.Add(LossTerms.Kl, Mean(adversarial), _options.AdversarialWeight);
        sum.Add(LossTerms.CleanKl, Mean(clean), 1 - _options.AdversarialWeight);
        return sum.Build();
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Name} {StatedIdentity.Of(_options)}";
}
