namespace Ardir.Attacks;

/// <summary>What APGD does with samples that the model misclassifies.</summary>
internal enum BrokenSamples
{
    /// <summary>They leave the batch at once and cost nothing more.</summary>
    Leave,

    /// <summary>They continue, and the last adversarial point counts, as in the authors' code.</summary>
    Stay,

    /// <summary>They are not looked for, because the points may lie outside the threat set.</summary>
    Ignore,
}
