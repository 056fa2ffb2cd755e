using System.Reflection;
using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>The text by which an interrupted evaluation recognises its attacks.</summary>
internal static class AttackIdentity
{
    /// <summary>Names and options of the attacks.</summary>
    /// <exception cref="InvalidOperationException">An attack has options that its text does not show, so that a state made with others would be taken for its own.</exception>
    public static string Of(IReadOnlyList<IAttack> attacks)
    {
        foreach (var attack in attacks) EnsureTold(attack);
        return string.Join("; ", attacks);
    }

    private static void EnsureTold(IAttack attack)
    {
        if (attack is WorstCaseAttack chain) Of(chain.Attacks);
        else if (attack is AutoAttack ensemble) Of(ensemble.Attacks);
        else if (!OverridesText(attack.GetType()) && HasOptions(attack.GetType()))
        {
            throw new InvalidOperationException(
                $"The attack {attack.GetType()} holds values that its ToString does not show, so a state file could not tell it from one with other values. " +
                "Override ToString to show them (a record does so by itself), or leave StatePath null.");
        }
    }

    private static bool OverridesText(Type type) =>
        type.GetMethod(nameof(ToString), Type.EmptyTypes)!.DeclaringType is { } owner && owner != typeof(object) && owner != typeof(ValueType) && owner != typeof(Attack);

    // What an attack holds besides its threat model, which is compared anyway.
    private static bool HasOptions(Type? type) =>
        type is not null && type != typeof(object) && type != typeof(Attack) &&
        (Array.Exists(type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly), field => field.FieldType != typeof(ThreatModel)) ||
            HasOptions(type.BaseType));
}
