namespace Ardir.Attacks;

/// <summary>A reason to doubt the result of an evaluation, found by the evaluation itself. Findings never stop an evaluation.</summary>
/// <param name="Kind">Kind of the finding.</param>
/// <param name="Message">What was observed, what it means and what to do.</param>
public sealed record EvaluationFinding(FindingKind Kind, string Message)
{
    /// <summary>How many images it concerns; null where it concerns the model as a whole. For
    /// <see cref="FindingKind.UnconfirmedSuccess"/> it is the number of claims, for findings about the first batch the number of
    /// images within that batch.</summary>
    public int? Images { get; init; }
}
