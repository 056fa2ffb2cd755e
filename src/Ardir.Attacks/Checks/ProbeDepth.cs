namespace Ardir.Attacks;

/// <summary>How closely an evaluation looks at the model and at itself.</summary>
internal enum ProbeDepth
{
    /// <summary>Only at what makes a number false: gradients of exactly zero or none at all, NaN. Costs nothing.</summary>
    Doubts,

    /// <summary>At all that can be seen without another pass through the model.</summary>
    Free,

    /// <summary>At everything, for some 30 evaluations of the first batch.</summary>
    All,
}
