namespace Ardir.Attacks;

internal sealed class DlrAttackLoss : IAttackLoss
{
    private const double Tiny = 1e-12;

    public string Name => "DLR";

    public Tensor Compute(AttackLossInputs inputs)
    {
        var (logits, targets) = (inputs.Logits, inputs.Targets);
        var needed = targets is null ? 3 : 4;
        if (logits.shape[1] < needed)
            throw new InvalidOperationException($"The {(targets is null ? "" : "targeted ")}DLR loss needs at least {needed} classes; the model has {logits.shape[1]}. Use AttackLoss.Margin.");
        using var scope = NewDisposeScope();
        var (sorted, _) = logits.topk(needed, 1, true, true);
        Tensor Rank(long r) => sorted.select(1, r);
        var loss = targets is null
            ? MarginAttackLoss.Margin(logits, inputs.Labels) / (Rank(0) - Rank(2) + Tiny)
            : (At(logits, targets) - At(logits, inputs.Labels)) / (Rank(0) - (Rank(2) + Rank(3)) * 0.5 + Tiny);
        return loss.MoveToOuterDisposeScope();
    }

    private static Tensor At(Tensor logits, Tensor classes) => logits.gather(1, classes.unsqueeze(1)).squeeze(1);
}
