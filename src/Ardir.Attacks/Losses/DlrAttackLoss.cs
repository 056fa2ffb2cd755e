namespace Ardir.Attacks;

/// <summary>Difference of logits ratio, see <see cref="AttackLoss.Dlr"/>.</summary>
/// <param name="marginIfFew">Use the margin instead of throwing when the model has too few classes for DLR.</param>
internal sealed class DlrAttackLoss(bool marginIfFew = false) : IAttackLoss
{
    private const double Tiny = 1e-12;

    // Small, but large enough that its reciprocal, times a few weights, does not overflow float16. There 1e-12 is rounded to zero,
    // and tied logits would give NaN.
    private const double TinyInHalf = 1e-3;

    public string Name => "DLR";

    public bool AllowsThreads => true;

    // The text of an attack's options contains its loss, and a resumed run compares that text, so the two variants must differ in it.
    public override string ToString() => marginIfFew ? $"{Name} or margin" : Name;

    public Tensor Compute(AttackLossInputs inputs)
    {
        var (logits, targets) = (inputs.Logits, inputs.Targets);
        var needed = targets is null ? 3 : 4;
        if (logits.shape[1] < needed && marginIfFew)
            return targets is null ? MarginAttackLoss.Margin(logits, inputs.Labels) : Difference(logits, targets, inputs.Labels);
        if (logits.shape[1] < needed)
            throw new InvalidOperationException(
                $"The {(targets is null ? "" : "targeted ")}DLR loss needs at least {needed} classes; the model has {logits.shape[1]}. " +
                "Use AttackLoss.Margin.");
        using var scope = NewDisposeScope();
        var (sorted, _) = logits.topk(needed, 1, true, true);
        var tiny = logits.dtype == ScalarType.Float16 ? TinyInHalf : Tiny;
        Tensor Rank(long r) => sorted.select(1, r);
        var loss = targets is null
            ? MarginAttackLoss.Margin(logits, inputs.Labels) / (Rank(0) - Rank(2) + tiny)
            : Difference(logits, targets, inputs.Labels) / (Rank(0) - (Rank(2) + Rank(3)) * 0.5 + tiny);
        return loss.MoveToOuterDisposeScope();
    }

    // Needs no denominator: the loss is compared only between points of one sample, and a step ignores its scale. The obvious ones
    // fail: (z_t - z_y) / (z_1st - z_3rd) is constant while t is the last of 3 classes, and (z_o - z_y) / (|z_o| + |z_y|), with z_o
    // the other logit, is constant for logits [-s, s].
    private static Tensor Difference(Tensor logits, Tensor targets, Tensor labels)
    {
        using var scope = NewDisposeScope();
        return (At(logits, targets) - At(logits, labels)).MoveToOuterDisposeScope();
    }

    private static Tensor At(Tensor logits, Tensor classes) => logits.gather(1, classes.unsqueeze(1)).squeeze(1);
}
