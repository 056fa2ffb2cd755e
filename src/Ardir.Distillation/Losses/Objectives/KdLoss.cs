using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>Knowledge distillation (Hinton et al. 2015; Eq. 4 of the ARDIR paper): alpha * t^2 * KL(teacher || student) + (1-alpha) * CE,
/// both on clean images. No attack.</summary>
public sealed class KdLoss : IDistillationLoss
{
    private readonly KdLossOptions _options;
    private readonly SoftAndHardLoss _loss;

    /// <summary>Creates the loss.</summary>
    /// <param name="options">Options; alpha 0.9 at temperature 4 when null.</param>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    public KdLoss(KdLossOptions? options = null)
    {
        _options = options ?? new KdLossOptions();
        _options.Validate();
        _loss = new SoftAndHardLoss(_options.Alpha, _options.Kl);
    }

    /// <inheritdoc/>
    public string Name => "KD";

    /// <inheritdoc/>
    public DistillationNeeds Needs { get; } = new() { Passes = [NetworkPass.StudentClean, NetworkPass.TeacherClean] };

    /// <inheritdoc/>
    public LossTerms Compute(DistillationInputs inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        var student = inputs[NetworkPass.StudentClean].Output;
        var teacher = inputs[NetworkPass.TeacherClean].Output;
        return _loss.Compute(student, student, teacher, inputs);
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Name} {StatedIdentity.Of(_options)}";
}
