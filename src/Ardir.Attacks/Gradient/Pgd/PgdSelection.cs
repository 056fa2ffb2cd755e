namespace Ardir.Attacks;

/// <summary>Which of its iterates PGD returns for a sample.</summary>
public enum PgdSelection
{
    /// <summary>The last one, as adversarial training does. Costs no extra evaluation with a single restart.</summary>
    Last,

    /// <summary>The one with the highest loss, the last included. One more forward pass.</summary>
    BestLoss,

    /// <summary>The first that succeeds: the sample then leaves the batch and costs nothing more. The last one if none does. For
    /// evaluation.</summary>
    FirstSuccess,
}
