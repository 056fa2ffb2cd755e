using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>What a run must know about the attack that it belongs to.</summary>
/// <param name="Threat">What the attack may do to an image.</param>
/// <param name="Name">Its name, for progress.</param>
/// <param name="StreamKey">Separates its random starts from those of other attacks with the same seed.</param>
/// <param name="AllowsLowPrecision">Whether it may follow gradients in lower precision.</param>
internal sealed record AttackTraits(ThreatModel Threat, string Name, string StreamKey, bool AllowsLowPrecision);
