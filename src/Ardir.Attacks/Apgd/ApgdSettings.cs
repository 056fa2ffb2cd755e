namespace Ardir.Attacks;

/// <summary>What both forms of APGD share.</summary>
/// <param name="Iterations">Per run.</param>
/// <param name="Rho">Share of rises that halves the step size.</param>
/// <param name="EotSamples">Evaluations per gradient.</param>
/// <param name="LargeRadii">L1: three radii.</param>
internal sealed record ApgdSettings(int Iterations, double Rho = 0.75, int EotSamples = 1, bool LargeRadii = false);
