using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>The text that identifies the attacks in a state file, so that a resumed evaluation can check that they are the
/// same.</summary>
internal static class AttackIdentity
{
    /// <summary>Names, threat models and options of the attacks.</summary>
    /// <exception cref="InvalidOperationException">An attack, or a loss among its options, hides values, so that the state of an
    /// evaluation with other values could be taken for this one's.</exception>
    public static string Of(IReadOnlyList<IAttack> attacks) =>
        string.Join("; ", attacks.Select(attack => StatedIdentity.Of(attack, "Or leave StatePath null.")));
}
