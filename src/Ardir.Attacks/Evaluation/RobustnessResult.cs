namespace Ardir.Attacks;

/// <summary>Result of a model on a data set, image by image.</summary>
public sealed record RobustnessResult
{
    /// <summary>For each image whether the model is right on it.</summary>
    public required IReadOnlyList<bool> Correct { get; init; }

    /// <summary>For each image whether the model is right on it and still right after the attack.</summary>
    public required IReadOnlyList<bool> Robust { get; init; }

    /// <summary>Reasons to doubt the result, found by the evaluation itself, in the order of their kinds and with the number of
    /// images. A robust accuracy that comes with <see cref="FindingKind.ZeroGradient"/>, for example, is that of an attack which could
    /// not move.</summary>
    /// <value>None by default.</value>
    public IReadOnlyList<EvaluationFinding> Findings { get; init; } = [];

    /// <summary>What the attack did and cost; the same as <see cref="RobustnessReport.Attacks"/> for one attack. None without an
    /// attack.</summary>
    public IReadOnlyList<AttackSummary> Attacks { get; init; } = [];

    /// <summary>Share of images that the model gets right, 0 to 1.</summary>
    public double CleanAccuracy => Correct.Count(right => right) / (double)Correct.Count;

    /// <summary>Share of all images that the model gets right both before and after the attack, 0 to 1.</summary>
    public double RobustAccuracy => Robust.Count(right => right) / (double)Robust.Count;
}
