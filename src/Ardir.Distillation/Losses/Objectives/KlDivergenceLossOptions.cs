namespace Ardir.Distillation;

/// <summary>Options of <see cref="KlDivergenceLoss"/>. The defaults are the mathematical divergence: temperature 1, sum over classes, mean
/// over samples.</summary>
public sealed record KlDivergenceLossOptions
{
    /// <summary>Both networks' logits are divided by it, positive. 1 in ARDIR's reported rows, 30 in ARD.</summary>
    /// <value>1 by default.</value>
    public double Temperature { get; init; } = 1;

    /// <summary>Multiplies by the temperature squared, which keeps the magnitude of the gradients about the same at every temperature
    /// (Hinton et al. 2015; Eq. 4 and 5 of the ARDIR paper).</summary>
    /// <value>true by default.</value>
    public bool ScaleByTemperatureSquared { get; init; } = true;

    /// <summary>How to average.</summary>
    /// <value><see cref="KlReduction.BatchMean"/> by default.</value>
    public KlReduction Reduction { get; init; } = KlReduction.BatchMean;

    /// <summary>Argument order.</summary>
    /// <value><see cref="KlDirection.TeacherStudent"/> by default.</value>
    public KlDirection Direction { get; init; } = KlDirection.TeacherStudent;

    /// <summary>What to do with labels that the teacher gets wrong; null for what the loss that has these options does by default:
    /// <see cref="LabelReplacement.Probabilities"/> in <see cref="ArdirLoss"/>, <see cref="LabelReplacement.None"/> in all
    /// others.</summary>
    /// <value>null by default.</value>
    public LabelReplacement? LabelReplacement { get; init; }

    /// <summary>Temperature of the student for samples whose label is replaced, positive; null for <see cref="Temperature"/>. With another
    /// value the loss of such a sample is cross-entropy at that temperature, scaled by the square of that temperature if
    /// <see cref="ScaleByTemperatureSquared"/> is set.</summary>
    /// <value>null by default.</value>
    public double? HardLabelTemperature { get; init; }

    internal void Validate()
    {
        LossGuard.Temperature(Temperature);
        if (HardLabelTemperature is { } hard) LossGuard.Temperature(hard, nameof(HardLabelTemperature));
        LossGuard.Defined(Reduction);
        LossGuard.Defined(Direction);
        if (LabelReplacement is { } replacement) LossGuard.Defined(replacement, nameof(LabelReplacement));
        // The type by its full name, because here its short name is that of the property.
        var isOneHot = LabelReplacement == Ardir.Distillation.LabelReplacement.Probabilities;
        if (Direction == KlDirection.StudentTeacher && isOneHot)
        {
            throw new ArgumentException(
                "KL(student || teacher) is infinite for one-hot targets. " +
                "Use KlDirection.TeacherStudent, or LabelReplacement.None or Logits.",
                nameof(Direction));
        }
        if (HardLabelTemperature is not null && !isOneHot)
        {
            throw new ArgumentException(
                "HardLabelTemperature only means something with LabelReplacement.Probabilities.", nameof(HardLabelTemperature));
        }
    }
}
