using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>
/// Adversarially robust distillation (Goldblum et al. 2020; Eq. 5 of the ARDIR paper): alpha * t^2 * KL(teacher || student) +
/// (1-alpha) * CE, with the student on adversarial images.
/// </summary>
public sealed class ArdLoss : IDistillationLoss
{
    private readonly ArdLossOptions _options;
    private readonly SoftAndHardLoss _loss;

    /// <summary>Creates the loss.</summary>
    /// <param name="options">Options; soft labels only, at temperature 1, when null.</param>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    public ArdLoss(ArdLossOptions? options = null)
    {
        _options = options ?? new ArdLossOptions();
        _options.Validate();
        _loss = new SoftAndHardLoss(_options.Alpha, _options.Kl);
        Needs = new DistillationNeeds
        {
            Passes = NeedsClean
                ? [NetworkPass.StudentAdversarial, NetworkPass.StudentClean, TeacherPass]
                : [NetworkPass.StudentAdversarial, TeacherPass],
            // As in the released code, whose first forward pass sees the unclamped start and which keeps batch norm in train mode.
            InnerMaximization = new InnerMaximization { Start = RandomStart.UniformUnclamped, TrainMode = true },
        };
    }

    /// <inheritdoc/>
    public string Name => "ARD";

    /// <inheritdoc/>
    public DistillationNeeds Needs { get; }

    private NetworkPass TeacherPass => _options.TeacherData.Pass();

    private bool NeedsClean => _options.Alpha < 1 && _options.HardLabelInput == HardLabelInput.Clean;

    /// <inheritdoc/>
    public LossTerms Compute(DistillationInputs inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        var student = inputs[NetworkPass.StudentAdversarial].Output;
        var teacher = inputs[TeacherPass];
        var hardLogits = NeedsClean ? inputs[NetworkPass.StudentClean].Output : student;
        return _loss.Compute(student, hardLogits, teacher.Output, inputs);
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Name} {StatedIdentity.Of(_options)}";
}
