namespace Ardir.Distillation;

/// <summary>Cross-entropy on clean images: ordinary training, no attack and no teacher.</summary>
public sealed class StandardTrainingLoss : IDistillationLoss
{
    /// <inheritdoc/>
    public string Name => "Standard";

    /// <inheritdoc/>
    public DistillationNeeds Needs { get; } = new() { Passes = [NetworkPass.StudentClean] };

    /// <inheritdoc/>
    public LossTerms Compute(DistillationInputs inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        return HardLabelTerms.Of(inputs[NetworkPass.StudentClean].Output, inputs);
    }

    /// <inheritdoc/>
    public override string ToString() => Name;
}
