namespace Ardir.Attacks;

/// <summary>Which checks of the model and of its own result an evaluation runs.</summary>
internal enum ProbeDepth
{
    /// <summary>Only checks for what makes a result wrong: gradients that are zero, missing or non-finite, and NaN logits. Costs
    /// nothing.</summary>
    Doubts,

    /// <summary>All checks that need no additional pass through the model.</summary>
    Free,

    /// <summary>All checks, at a cost of about 30 evaluations of the first batch.</summary>
    All,
}
