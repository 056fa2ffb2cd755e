namespace Ardir.Attacks;

/// <summary>What an APGD run found, in the scope of its caller.</summary>
/// <param name="Points">[n,C,H,W]: for broken samples the first adversarial point if they leave, the last if they stay; for others the
/// start.</param>
/// <param name="Broken">bool [n].</param>
/// <param name="Best">[n,C,H,W], the points of highest loss; null if broken samples leave.</param>
/// <param name="BestLoss">Their loss, [n]; null in the same case.</param>
internal sealed record ApgdResult(Tensor Points, Tensor Broken, Tensor? Best, Tensor? BestLoss);
