namespace Ardir.Attacks;

/// <summary>The candidates of a query.</summary>
/// <param name="Points">Candidates of all samples, [n,C,H,W].</param>
/// <param name="Moved">Positions of the samples whose candidate differs from their best point, int64 [m]; the others need no evaluation.
/// Null if all may differ.</param>
internal readonly record struct SquareProposal(Tensor Points, Tensor? Moved = null);
