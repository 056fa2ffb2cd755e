namespace Ardir.Core;

/// <summary>
/// An object that says itself which values a result depends on, so that an interrupted evaluation or training recognises it when it
/// resumes. Records and types that override <c>ToString</c> need no such member: see <see cref="StatedIdentity"/>. Implement it where
/// a text for people would be wrong or too long, or where the values are objects that must be examined themselves.
/// </summary>
/// <example><code>
/// public sealed class WeightedLoss(double weight, IAttackLoss inner) : IAttackLoss, IStatesIdentity
/// {
///     public IReadOnlyList&lt;object?&gt;? IdentityParts => ["weighted", weight, inner];
///     // ...
/// }
/// </code></example>
public interface IStatesIdentity
{
    /// <summary>All values that the result depends on: texts, numbers, records, tensors, other such objects and lists of these. Two
    /// objects with equal parts must lead to the same result.</summary>
    /// <value>null when the object has nothing to state; it is then examined like any other.</value>
    IReadOnlyList<object?>? IdentityParts { get; }
}
