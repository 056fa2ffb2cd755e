namespace Ardir.Attacks;

/// <summary>What <see cref="Verdict.Judge"/> says about points that an attack found, in the scope of its caller.</summary>
/// <param name="Predicted">The class that the model predicts, int64 [n]; K where its logits are NaN.</param>
/// <param name="Wrong">Which points reach the goal of the attack, bool [n].</param>
/// <param name="Inside">Which points lie in the threat set, bool [n].</param>
internal readonly record struct Judgement(Tensor Predicted, Tensor Wrong, Tensor Inside)
{
    /// <summary>Which images are broken: the point reaches the goal and lies in the threat set, bool [n].</summary>
    public Tensor Broken => Wrong.logical_and(Inside);
}
