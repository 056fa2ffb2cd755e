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
        var passes = NetworkPasses.StudentAdversarial | (FeedsAdversarial ? NetworkPasses.TeacherAdversarial : NetworkPasses.TeacherClean);
        if (NeedsClean) passes |= NetworkPasses.StudentClean;
        Needs = new DistillationNeeds
        {
            Passes = passes,
            // As in the released code, whose first forward pass sees the unclamped start and which keeps batch norm in train mode.
            InnerMaximization = new InnerMaximization { Start = RandomStart.UniformUnclamped, TrainMode = true },
        };
    }

    /// <inheritdoc/>
    public string Name => "ARD";

    /// <inheritdoc/>
    public DistillationNeeds Needs { get; }

    private bool FeedsAdversarial => _options.TeacherData is TeacherData.RobustAdversarial or TeacherData.CleanAdversarial;

    private bool NeedsClean => _options.Alpha < 1 && _options.HardLabelInput == HardLabelInput.Clean;

    /// <inheritdoc/>
    public LossTerms Compute(DistillationInputs inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        var student = DistillationInputs.Require(inputs.StudentAdversarial).Output;
        var teacher = FeedsAdversarial
            ? DistillationInputs.Require(inputs.TeacherAdversarial)
            : DistillationInputs.Require(inputs.TeacherClean);
        var hardLogits = NeedsClean ? DistillationInputs.Require(inputs.StudentClean).Output : student;
        return _loss.Compute(student, hardLogits, teacher.Output, inputs.Labels, inputs.LabelSmoothing);
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Name} {_options}";
}
