namespace Ardir.Distillation;

/// <summary>The state of an unfinished epoch, apart from the weights.</summary>
internal sealed record PartialEpoch
{
    /// <summary>Steps done.</summary>
    public required int Step { get; init; }

    /// <summary>Steps left out because their loss was NaN or infinite.</summary>
    public required int Skipped { get; init; }

    public required TimeSpan Elapsed { get; init; }

    public required Dictionary<string, PartialSum> Sums { get; init; }

    /// <summary>What is wrong with it, or null. Batches within an epoch are full, so the number of samples is known.</summary>
    public string? Fault(int steps, int batchSize)
    {
        if (Step >= steps) return $"the partial epoch is at step {Step} of {steps}";
        if (Skipped < 0 || Skipped > Step) return $"{Skipped} of {Step} steps of the partial epoch are skipped";
        if (Elapsed < TimeSpan.Zero) return "the partial epoch took less than no time";
        var samples = (Step - Skipped) * (long)batchSize;
        // A part of the loss may be missing in some batches; total loss and accuracy are in every batch.
        if (Sums.FirstOrDefault(pair => pair.Value is null || pair.Value.Samples < 1 || pair.Value.Samples > samples).Key is { } name)
            return $"the sum '{name.TrimStart('\0')}' of the partial epoch is not a sum over 1 to {samples} samples";
        return samples > 0 && EpochTotals.Always.Any(key => Sums.GetValueOrDefault(key)?.Samples != samples)
            ? $"the partial epoch lacks loss or accuracy over its {samples} samples"
            : null;
    }
}
