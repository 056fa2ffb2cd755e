namespace Ardir.Attacks;

/// <summary>A doubt of an evaluation about itself. Findings never stop an evaluation.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Message">What was seen, what it means and what to do.</param>
public sealed record EvaluationFinding(FindingKind Kind, string Message);
