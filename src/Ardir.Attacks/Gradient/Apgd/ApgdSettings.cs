namespace Ardir.Attacks;

/// <summary>What both forms of APGD share.</summary>
/// <param name="Iterations">Per run.</param>
/// <param name="Rho">The step size is halved when the loss rose in at most this share of the iterations.</param>
/// <param name="EotSamples">Evaluations per gradient.</param>
/// <param name="LargeRadii">L1: whether to begin with larger radii.</param>
internal sealed record ApgdSettings(int Iterations, double Rho = 0.75, int EotSamples = 1, bool LargeRadii = false);
