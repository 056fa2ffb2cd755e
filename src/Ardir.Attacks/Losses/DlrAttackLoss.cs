namespace Ardir.Attacks;

/// <summary>Difference of logits ratio, see <see cref="AttackLoss.Dlr"/>.</summary>
/// <param name="marginIfFew">With too few classes for DLR climb the margin instead of refusing.</param>
internal sealed class DlrAttackLoss(bool marginIfFew = false) : IAttackLoss
{
    private const double Tiny = 1e-12;

    // The smallest whose reciprocal, times a few weights, float16 can still hold: 1e-12 is zero there, and a tie of the logits would be NaN.
    private const double TinyInHalf = 1e-3;

    public string Name => "DLR";

    // Options print their loss; a run is recognised by that text, and the two forms must differ in it.
    public override string ToString() => marginIfFew ? $"{Name} or margin" : Name;

    public Tensor Compute(AttackLossInputs inputs)
    {
        var (logits, targets) = (inputs.Logits, inputs.Targets);
        var needed = targets is null ? 3 : 4;
        if (logits.shape[1] < needed && marginIfFew)
            return targets is null ? MarginAttackLoss.Margin(logits, inputs.Labels) : Difference(logits, targets, inputs.Labels);
        if (logits.shape[1] < needed)
            throw new InvalidOperationException($"The {(targets is null ? "" : "targeted ")}DLR loss needs at least {needed} classes; the model has {logits.shape[1]}. Use AttackLoss.Margin.");
        using var scope = NewDisposeScope();
        var (sorted, _) = logits.topk(needed, 1, true, true);
        var tiny = logits.dtype == ScalarType.Float16 ? TinyInHalf : Tiny;
        Tensor Rank(long r) => sorted.select(1, r);
        var loss = targets is null
            ? MarginAttackLoss.Margin(logits, inputs.Labels) / (Rank(0) - Rank(2) + tiny)
            : Difference(logits, targets, inputs.Labels) / (Rank(0) - (Rank(2) + Rank(3)) * 0.5 + tiny);
        return loss.MoveToOuterDisposeScope();
    }

    // No denominator: the loss is compared only between points of one sample and a step ignores its scale, so none is needed. The ones at hand
    // are traps: (z_t - z_y) / (z_1st - z_3rd) is constant while t is the last of 3 classes, (z_o - z_y) / (|z_o| + |z_y|) for logits [-s, s].
    private static Tensor Difference(Tensor logits, Tensor targets, Tensor labels)
    {
        using var scope = NewDisposeScope();
        return (At(logits, targets) - At(logits, labels)).MoveToOuterDisposeScope();
    }

    private static Tensor At(Tensor logits, Tensor classes) => logits.gather(1, classes.unsqueeze(1)).squeeze(1);
}
