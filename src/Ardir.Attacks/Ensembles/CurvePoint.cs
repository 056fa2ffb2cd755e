namespace Ardir.Attacks;

/// <summary>A point of the security curve of an evaluation.</summary>
/// <param name="Epsilon">The budget.</param>
/// <param name="RobustAccuracy">What is left of the accuracy there, 0 to 1.</param>
/// <param name="Facts">What was noticed there.</param>
internal sealed record CurvePoint(double Epsilon, double RobustAccuracy, EvaluationFacts Facts);
