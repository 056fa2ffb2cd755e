namespace Ardir.Attacks;

/// <summary>One evaluation of a model with gradient.</summary>
/// <param name="Logits">[n,K], detached.</param>
/// <param name="Loss">The loss to be maximised, [n], detached.</param>
/// <param name="Gradient">Gradient of the loss with respect to the points, [n,C,H,W].</param>
public readonly record struct AttackGradient(Tensor Logits, Tensor Loss, Tensor Gradient);
