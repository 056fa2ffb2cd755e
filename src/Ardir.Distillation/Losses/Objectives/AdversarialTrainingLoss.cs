namespace Ardir.Distillation;

/// <summary>Standard adversarial training (SAT; Madry et al. 2018): cross-entropy on adversarial images, no teacher.</summary>
public sealed class AdversarialTrainingLoss : IDistillationLoss
{
    /// <inheritdoc/>
    public string Name => "SAT";

    /// <inheritdoc/>
    public DistillationNeeds Needs { get; } = new()
    {
        Passes = [NetworkPass.StudentAdversarial],
        // The trainer follows the recipe of Rice et al. 2020, which uses a uniform start and batch norm in train mode.
        InnerMaximization = new InnerMaximization { TrainMode = true },
    };

    /// <inheritdoc/>
    public LossTerms Compute(DistillationInputs inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        return HardLabelTerms.Of(inputs[NetworkPass.StudentAdversarial].Output, inputs);
    }

    /// <inheritdoc/>
    public override string ToString() => Name;
}
