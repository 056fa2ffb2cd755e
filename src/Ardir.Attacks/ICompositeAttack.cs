namespace Ardir.Attacks;

/// <summary>An attack of this library that consists of other attacks.</summary>
internal interface ICompositeAttack : IAttack
{
    /// <summary>The attacks that the caller chose, in order; empty when the caller chose none.</summary>
    IReadOnlyList<IAttack> Attacks { get; }
}
