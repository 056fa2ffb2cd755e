namespace Ardir.Distillation;

/// <summary>An epoch that is not at its end: what is not in the weights.</summary>
internal sealed record PartialEpoch
{
    /// <summary>Steps done.</summary>
    public required int Step { get; init; }

    /// <summary>Steps left out because their loss was no number.</summary>
    public required int Skipped { get; init; }

    public required TimeSpan Elapsed { get; init; }

    public required Dictionary<string, PartialSum> Sums { get; init; }
}
