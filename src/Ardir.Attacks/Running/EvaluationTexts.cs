namespace Ardir.Attacks;

/// <summary>Sentences that findings and log lines share.</summary>
internal static class EvaluationTexts
{
    public const string ZeroGradientAdvice =
        "There it could not move, so its failure says nothing about robustness: the model masks its gradients (saturation, rounding), or " +
        "its logits are too large for this loss. Maximise AttackLoss.Margin or AttackLoss.Dlr, which do not saturate when logits are " +
        "large, and add an attack without gradients (SquareAttack).";
}
