namespace Ardir.Attacks;

/// <summary>-max(kappa - margin, 0): rises until the goal leads by kappa, then stays at zero.</summary>
internal sealed class CarliniWagnerLoss(double confidence) : IAttackLoss
{
    public string Name => "Carlini-Wagner";

    public bool AllowsThreads => true;

    public bool IsZeroAtGoal => true;

    public Tensor Compute(AttackLossInputs inputs)
    {
        using var scope = NewDisposeScope();
        return (confidence - AttackLoss.Margin.Compute(inputs)).clamp_min(0).neg().MoveToOuterDisposeScope();
    }
}
