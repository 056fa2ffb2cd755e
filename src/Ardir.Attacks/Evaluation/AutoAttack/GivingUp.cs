namespace Ardir.Attacks;

/// <summary>Which attacks of an evaluation give up samples out of reach, and the sentence by which a report says so.</summary>
internal static class GivingUp
{
    /// <summary>Names of the attacks that give up, in order.</summary>
    /// <param name="attacks">The attacks.</param>
    /// <param name="samples">Passes per gradient.</param>
    public static IReadOnlyList<string> Names(IEnumerable<IAttack> attacks, int samples) =>
        [.. attacks.Where(attack => IsOn(attack, samples)).Select(attack => attack.Name).Distinct(StringComparer.Ordinal)];

    /// <summary>One sentence.</summary>
    public static string Describe(IReadOnlyList<string> names) => names.Count == 0
        ? "No attack gives up: each follows its schedule to the end, as the published code does."
        : $"These attacks give up images out of their reach, which the published code never does: {string.Join(", ", names)}.";

    private static bool IsOn(IAttack attack, int samples)
    {
        var (search, own) = EotAttack.Unwrap(attack);
        return search switch
        {
            AutoAttack ensemble => ensemble.Parts.Any(part => IsOn(part, samples * own)),
            ICompositeAttack composite => composite.Attacks.Any(part => IsOn(part, samples * own)),
            Attack one => one.LeavesEarly(samples * own),
            _ => false,
        };
    }
}
