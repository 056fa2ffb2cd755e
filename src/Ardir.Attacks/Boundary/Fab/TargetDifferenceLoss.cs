namespace Ardir.Attacks;

/// <summary>z_t - z_y: zero on the boundary between the label and the target, whatever the other classes do.</summary>
internal sealed class TargetDifferenceLoss : IAttackLoss
{
    public static readonly TargetDifferenceLoss Instance = new();

    public string Name => "target difference";

    public bool AllowsThreads => true;

    public Tensor Compute(AttackLossInputs inputs)
    {
        using var scope = NewDisposeScope();
        Tensor At(Tensor classes) => inputs.Logits.gather(1, classes.unsqueeze(1)).squeeze(1);
        return (At(inputs.Targets!) - At(inputs.Labels)).MoveToOuterDisposeScope();
    }
}
