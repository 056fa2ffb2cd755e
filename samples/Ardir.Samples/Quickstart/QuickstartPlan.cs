namespace Ardir.Samples;

/// <summary>How much the quickstart does, and what each of its stages costs: the unit is one image passed forward and backward.</summary>
/// <param name="Epochs">Epochs of teacher and student.</param>
/// <param name="Train">Training images.</param>
/// <param name="Validation">Validation images.</param>
/// <param name="Reported">Test images.</param>
internal sealed record QuickstartPlan(int Epochs, int Train, int Validation, int Reported)
{
    /// <summary>
    /// Steps of the attack that is trained against, of the one that selects an epoch, and of the three in the table (the last is run on two
    /// losses).
    /// </summary>
    public const int TrainSteps = 5, SelectionSteps = 10, Pgd = 20, Strong = 40;

    // A forward pass alone, and how much of an attack that ends with its success is left when images fall: rough, and only for the time
    // that is told.
    private const double Forward = 0.35, RobustShare = 0.75, StandardShare = 0.4;

    /// <summary>Epochs of the standard model, which learns faster.</summary>
    public int StandardEpochs => Math.Max(Epochs / 3, 1);

    /// <summary>What the attacks of the table cost for each image that resists.</summary>
    public static IReadOnlyList<double> Attacks => [1, Pgd, 2 * Strong];

    /// <summary>Standard model, teacher, student, evaluation.</summary>
    public IReadOnlyList<double> Stages
    {
        get
        {
            double Selection(double share) => Validation * (Forward + SelectionSteps * share);
            var robust = Train * (TrainSteps + 1.0) + Selection(RobustShare);
            return
            [
                StandardEpochs * (Train + Selection(StandardShare)),
                Epochs * robust,
                Epochs * (robust + Train * Forward),
                Reported * (2 * RobustShare + StandardShare) * Attacks.Sum(),
            ];
        }
    }
}
