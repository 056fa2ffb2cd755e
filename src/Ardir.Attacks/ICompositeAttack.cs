namespace Ardir.Attacks;

/// <summary>An attack that consists of other attacks and hands them what it is given: chains, ensembles, wrappers. It neither changes nor
/// keeps images and labels, and leaves eval mode to the attacks inside.</summary>
public interface ICompositeAttack : IAttack
{
    /// <summary>The attacks inside that the caller chose, in order. Evaluations look at them before any work, to refuse what one of them
    /// cannot do.</summary>
    /// <value>Empty when the caller chose none.</value>
    IReadOnlyList<IAttack> Attacks { get; }
}
