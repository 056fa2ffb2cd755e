namespace Ardir.Attacks;

/// <summary>The text that identifies the attacks in a state file, so that a resumed evaluation can check that they are the
/// same.</summary>
internal static class AttackIdentity
{
    /// <summary>Names and options of the attacks.</summary>
    /// <exception cref="InvalidOperationException">An attack, or a loss among its options, has options that its text does not show, so
    /// that the state of an evaluation with other options could be taken for this one's.</exception>
    public static string Of(IReadOnlyList<IAttack> attacks)
    {
        foreach (var attack in attacks)
        {
            if (HiddenOptions.Find(attack) is not { } hidden) continue;
            var what = ReferenceEquals(hidden, attack)
                ? $"The attack {attack.GetType()}"
                : hidden is IAttack
                    ? $"The attack {hidden.GetType()}, part of {attack.Name},"
                    : $"{hidden.GetType()}, an option of {attack.Name},";
            throw new InvalidOperationException(
                $"{what} holds values that its ToString does not show, so a state file could not tell it from one with other values. " +
                "Override ToString to show them (a record does so by itself), or leave StatePath null.");
        }
        return string.Join("; ", attacks);
    }
}
