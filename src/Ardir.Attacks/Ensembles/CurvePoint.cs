namespace Ardir.Attacks;

/// <summary>A point of the security curve of an evaluation.</summary>
/// <param name="Epsilon">The budget.</param>
/// <param name="RobustAccuracy">Robust accuracy at this budget, 0 to 1.</param>
/// <param name="Facts">What the findings about this point follow from.</param>
internal sealed record CurvePoint(double Epsilon, double RobustAccuracy, EvaluationFacts Facts);
