namespace Ardir.Attacks;

/// <summary>What an APGD run found, in the scope of its caller.</summary>
/// <param name="Points">[n,C,H,W]: of broken samples the first adversarial point if they leave, the last if they stay; otherwise the start.</param>
/// <param name="Broken">bool [n].</param>
/// <param name="Best">[n,C,H,W], highest loss; null if broken samples leave.</param>
/// <param name="BestLoss">[n], in the same case.</param>
internal sealed record ApgdResult(Tensor Points, Tensor Broken, Tensor? Best, Tensor? BestLoss);
