namespace Ardir.Distillation;

/// <summary>What the seeds say about the difference of two methods.</summary>
public enum ComparisonVerdict
{
    /// <summary>The methods have fewer than two seeds in common, so that there is no interval.</summary>
    Open,

    /// <summary>The 95 % interval of the mean difference contains zero.</summary>
    NotDistinguishable,

    /// <summary>The whole interval is above zero.</summary>
    Ahead,

    /// <summary>The whole interval is below zero.</summary>
    Behind,
}
