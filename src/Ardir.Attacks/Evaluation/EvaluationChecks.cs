namespace Ardir.Attacks;

/// <summary>Which checks of the model and of its own result an evaluation makes for <see cref="RobustnessResult.Findings"/>.</summary>
public enum EvaluationChecks
{
    /// <summary>Only checks for what makes a result wrong: gradients that are zero, missing or non-finite, and NaN logits. They cost
    /// nothing.</summary>
    Essential,

    /// <summary>All checks that need no additional pass through the model.</summary>
    Free,

    /// <summary>All checks, at a cost of about 30 evaluations of the first batch. Only these find <see cref="FindingKind.Randomized"/>,
    /// <see cref="FindingKind.DynamicModel"/> and, with an attack, <see cref="FindingKind.VanishingGradient"/>,
    /// <see cref="FindingKind.WeakerThanFgsm"/> and <see cref="FindingKind.ResistsHugeBudget"/>.</summary>
    All,
}
