using System.Collections;
using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;

namespace Ardir.Core;

/// <summary>Writes the text of <see cref="StatedIdentity"/> and remembers the first object that hides values.</summary>
internal sealed class IdentityWriter
{
    private const BindingFlags Own = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;
    private const int MaxDepth = 16;

    private int _depth;

    /// <summary>The first object that hides values; null when there is none.</summary>
    public object? Hidden { get; private set; }

    public string Write(object? value)
    {
        // Deeper than any options, so the objects contain each other.
        if (_depth == MaxDepth) return Hide(value!);
        using var invariant = new InvariantCultureScope();
        _depth++;
        var text = Text(value);
        _depth--;
        return text;
    }

    private string Text(object? value) => value switch
    {
        null => "null",
        string text => text,
        Type type => type.ToString(),
        Tensor tensor => $"tensor {Fingerprint.Of(("values", tensor))}",
        IStatesIdentity { IdentityParts: { } parts } => string.Join(' ', parts.Select(Write)),
        nn.Module or IModule => value.GetType().Name,
        ITuple tuple => $"({string.Join(", ", Enumerable.Range(0, tuple.Length).Select(i => Write(tuple[i])))})",
        _ when IsRecord(value.GetType()) => Record(value),
        _ when TellingType(value.GetType()) is not null => $"{value}",
        IEnumerable entries => $"[{string.Join(", ", entries.Cast<object?>().Select(Write))}]",
        _ => HoldsValues(value.GetType()) ? Hide(value) : $"{value}",
    };

    private string Hide(object value)
    {
        Hidden ??= value;
        return $"{value.GetType()}";
    }

    [UnconditionalSuppressMessage("Trimming", "IL2075",
        Justification = "The text that a record generates reads its properties, so trimming keeps them.")]
    private string Record(object record)
    {
        var properties = record.GetType().GetProperties(BindingFlags.Instance | BindingFlags.Public)
            .Where(property => property.GetIndexParameters().Length == 0)
            .OrderBy(property => property.Name, StringComparer.Ordinal)
            .Select(property => $"{property.Name} = {Write(property.GetValue(record))}");
        return $"{record.GetType().Name} {{ {string.Join(", ", properties)} }}";
    }

    // Looks for PrintMembers and not for the clone method, which trimming removes from records that are never copied.
    [UnconditionalSuppressMessage("Trimming", "IL2070",
        Justification = "A type keeps the text that it overrides, which calls this method in a record.")]
    private static bool IsRecord(Type type)
    {
        const BindingFlags Any = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic;
        return type.GetMethod("PrintMembers", Any, [typeof(StringBuilder)]) is not null;
    }

    /// <summary>The type whose ToString shows the values; null when none does. The text of an abstract base cannot show what is added by
    /// those that derive from it, so it counts only where they add nothing (<see cref="HoldsValues"/>).</summary>
    [UnconditionalSuppressMessage("Trimming", "IL2070", Justification = "A type keeps the text that it overrides.")]
    private static Type? TellingType(Type type)
    {
        var owner = type.GetMethod(nameof(ToString), Type.EmptyTypes)!.DeclaringType!;
        return owner == typeof(object) || owner == typeof(ValueType) || (owner.IsAbstract && owner != typeof(Enum)) ? null : owner;
    }

    // Any field counts except for the threat model, which is compared separately, and those of an abstract base with a text of its own.
    [UnconditionalSuppressMessage("Trimming", "IL2070",
        Justification = "What was trimmed away holds no value that anything could depend on.")]
    private static bool HoldsValues(Type? type)
    {
        for (; type is not null && type != typeof(object); type = type.BaseType)
        {
            if (type.IsAbstract && type.GetMethod(nameof(ToString), Own, Type.EmptyTypes) is not null) return false;
            if (Array.Exists(type.GetFields(Own), field => !typeof(ThreatModel).IsAssignableFrom(field.FieldType))) return true;
        }
        return false;
    }
}
