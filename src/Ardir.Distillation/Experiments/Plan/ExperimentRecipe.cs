namespace Ardir.Distillation;

/// <summary>How every method of an <see cref="ExperimentPlan"/> is trained: the recipe of Rice et al. (2020), which the ARDIR paper follows
/// (section 4.1). Adversarial images are crafted as the source of each loss prescribes (docs/objectives.md), except where a property says
/// otherwise.</summary>
public sealed record ExperimentRecipe
{
    /// <summary>Passes over the training images.</summary>
    /// <value>200 by default.</value>
    public int Epochs { get; init; } = 200;

    /// <summary>Images per step.</summary>
    /// <value>128 by default.</value>
    public int BatchSize { get; init; } = 128;

    /// <summary>Initial learning rate of SGD with momentum 0.9.</summary>
    /// <value>0.1 by default.</value>
    public double LearningRate { get; init; } = 0.1;

    /// <summary>Epochs, from 0, at whose beginning the learning rate is divided by 10.</summary>
    /// <value>100 and 150 by default.</value>
    public IReadOnlyList<int> Milestones { get; init; } = [100, 150];

    /// <summary>L2 penalty on all weights.</summary>
    /// <value>5e-4 by default.</value>
    public double WeightDecay { get; init; } = 5e-4;

    /// <summary>Epochs over which the learning rate rises from 0.</summary>
    /// <value>0 by default.</value>
    public int WarmupEpochs { get; init; }

    /// <summary>Steps of the attack in training; null for those that each loss prescribes (10).</summary>
    /// <value>null by default.</value>
    public int? AttackSteps { get; init; }

    /// <summary>Step size of the attack in training, in pixel units (the file may say <c>"2/255"</c>); null for the one that each loss
    /// prescribes.</summary>
    /// <value>null by default.</value>
    public double? AttackStepSize { get; init; }

    /// <summary>Steps of the PGD attack by which the best epoch is chosen.</summary>
    /// <value>20 by default, as in the ARDIR paper.</value>
    public int SelectionSteps { get; init; } = 20;

    /// <summary>Step size of the attack by which the best epoch is chosen, in pixel units; null for a quarter of epsilon.</summary>
    /// <value>null by default.</value>
    public double? SelectionStepSize { get; init; }
}
