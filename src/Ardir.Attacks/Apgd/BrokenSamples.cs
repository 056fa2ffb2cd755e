namespace Ardir.Attacks;

/// <summary>What APGD does with samples that the model gets wrong.</summary>
internal enum BrokenSamples
{
    /// <summary>They leave the batch at once and cost nothing more.</summary>
    Leave,

    /// <summary>They go on, and the last adversarial point counts: the authors' code.</summary>
    Stay,

    /// <summary>Nobody looks: the points may lie outside the threat set.</summary>
    Ignore,
}
