namespace Ardir.Attacks;

/// <summary>A doubt of an evaluation about itself. Findings never stop an evaluation.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Message">What was seen, what it means and what to do.</param>
public sealed record EvaluationFinding(FindingKind Kind, string Message)
{
    /// <summary>How many images it concerns; null where it concerns the model as a whole. For <see cref="FindingKind.UnconfirmedSuccess"/>
    /// the number of claims, for findings about the first batch the number within it.</summary>
    public int? Images { get; init; }
}
