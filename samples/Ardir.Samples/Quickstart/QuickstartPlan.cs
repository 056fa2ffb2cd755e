namespace Ardir.Samples;

/// <summary>How much the quickstart does, and what each of its stages costs: the unit is one image passed forward and backward.</summary>
/// <param name="Epochs">Epochs of each network.</param>
/// <param name="Train">Training images.</param>
/// <param name="Validation">Validation images.</param>
/// <param name="Reported">Test images.</param>
internal sealed record QuickstartPlan(int Epochs, int Train, int Validation, int Reported)
{
    /// <summary>Images of a training step.</summary>
    public const int BatchSize = 64;

    /// <summary>Steps of the attack that is trained against, of the one that selects an epoch, and of the PGD in the table.</summary>
    public const int TrainSteps = 5, SelectionSteps = 10, Pgd = 20;

    /// <summary>Wrong classes that the targeted attack of the table tries, the most likely ones.</summary>
    public const int Targets = 4;

    // A forward pass alone, one that ends with an update of the weights, and how much of an attack that ends with its success is left when
    // images fall: rough, and only for the time that is told. The strong attack has nothing left to do on the standard model, and on the
    // others larger batches than those of the training.
    private const int RobustModels = 4, ApgdSteps = 100;
    private const double Forward = 0.35, Update = 2.8, RobustShare = 0.75, StandardShare = 0.4, StrongShare = 0.43;

    /// <summary>What the attacks of the table cost for each image that resists.</summary>
    public static IReadOnlyList<double> Attacks => [Pgd, ApgdSteps * (1 + Targets)];

    /// <summary>Standard model, teacher, two students, evaluation.</summary>
    public IReadOnlyList<double> Stages
    {
        get
        {
            double Selection(double share) => Validation * (Forward + SelectionSteps * share);
            var robust = Train * (TrainSteps + Update) + Selection(RobustShare);
            return
            [
                Epochs * (Train * Update + Selection(StandardShare)),
                Epochs * robust,
                Epochs * (robust + Train * Forward),
                Epochs * (robust + Train * Forward),
                Reported * (RobustModels * StrongShare * Attacks.Sum() + StandardShare * Pgd),
            ];
        }
    }
}
