using System.Collections;
using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace Ardir.Core;

/// <summary>Writes the text of <see cref="StatedIdentity"/> and remembers the first object that hides values.</summary>
internal sealed class IdentityWriter
{
    private const BindingFlags Own = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;
    private const int MaxDepth = 16;

    private int _depth;

    /// <summary>The first object that hides values; null when there is none.</summary>
    public object? Hidden { get; private set; }

    /// <summary>The networks that were met, each once.</summary>
    public List<IModule> Networks { get; } = [];

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
        IModule network => Network(network),
        nn.Module => value.GetType().Name,
        ITuple tuple => $"({string.Join(", ", Enumerable.Range(0, tuple.Length).Select(i => Write(tuple[i])))})",
        _ when RecordShape.IsAnonymous(value.GetType()) => $"{{ {Members(value)} }}",
        _ when RecordShape.IsRecord(value.GetType()) => Record(value),
        IDictionary entries => Sorted(Pairs(entries)),
        _ when IsPair(value.GetType()) => Pair(value),
        _ when DescribingType(value.GetType()) is { } owner => owner.IsAssignableTo(typeof(Enum)) || !HoldsValues(value.GetType(), owner)
            ? Described(value)
            : Hide(value),
        IEnumerable entries when HasNoOrder(value.GetType()) => Sorted(entries.Cast<object?>().Select(Write)),
        IEnumerable entries => $"[{string.Join(", ", entries.Cast<object?>().Select(Write))}]",
        _ => HoldsValues(value.GetType(), typeof(object)) ? Hide(value) : $"{value}",
    };

    // The order of a set or a dictionary may follow hashes of texts, which differ from process to process.
    private static string Sorted(IEnumerable<string> entries) => $"[{string.Join(", ", entries.Order(StringComparer.Ordinal))}]";

    // Two classes of threat models may choose the same text; that of a norm ball belongs to one class only.
    private static string Described(object value) =>
        value is ThreatModel and not NormThreatModel ? $"{value.GetType().Name} {value}" : $"{value}";

    private string Network(IModule network)
    {
        if (!Networks.Contains(network, ReferenceEqualityComparer.Instance)) Networks.Add(network);
        return network.GetType().Name;
    }

    private string Hide(object value)
    {
        Hidden ??= value;
        return $"{value.GetType()}";
    }

    private string Record(object record) => RecordShape.HidesFields(record.GetType())
        ? Hide(record)
        : $"{record.GetType().Name} {{ {Members(record)} }}";

    private string Members(object record) => string.Join(
        ", ",
        RecordShape.Members(record)
            .OrderBy(member => member.Name, StringComparer.Ordinal)
            .Select(member => $"{member.Name} = {Write(member.Value)}"));

    private IEnumerable<string> Pairs(IDictionary entries)
    {
        foreach (DictionaryEntry entry in entries) yield return $"[{Write(entry.Key)}, {Write(entry.Value)}]";
    }

    [UnconditionalSuppressMessage("Trimming", "IL2075", Justification = "The text of a pair reads the same properties.")]
    private string Pair(object pair)
    {
        var type = pair.GetType();
        return $"[{Write(type.GetProperty("Key")!.GetValue(pair))}, {Write(type.GetProperty("Value")!.GetValue(pair))}]";
    }

    private static bool IsPair(Type type) => type.IsGenericType && type.GetGenericTypeDefinition() == typeof(KeyValuePair<,>);

    [UnconditionalSuppressMessage("Trimming", "IL2070", Justification = "A set that is trimmed away is none.")]
    private static bool HasNoOrder(Type type) => Array.Exists(
        type.GetInterfaces(),
        face => face.IsGenericType && (face.GetGenericTypeDefinition() == typeof(ISet<>)
            || face.GetGenericTypeDefinition() == typeof(IReadOnlySet<>)
            || face.GetGenericTypeDefinition() == typeof(IReadOnlyDictionary<,>)));

    /// <summary>The type whose ToString shows the values; null when none does. The text of an abstract base cannot show what is added by
    /// those that derive from it, so it counts only where they add nothing (<see cref="HoldsValues"/>).</summary>
    [UnconditionalSuppressMessage("Trimming", "IL2070", Justification = "A type keeps the text that it overrides.")]
    private static Type? DescribingType(Type type)
    {
        var owner = type.GetMethod(nameof(ToString), Type.EmptyTypes)!.DeclaringType!;
        return owner == typeof(object) || owner == typeof(ValueType) || (owner.IsAbstract && owner != typeof(Enum)) ? null : owner;
    }

    // Any field counts except for the threat model, which is compared separately, and those of an abstract base with a text of its own.
    // What the type shows whose text it is, that type knows best; only what others add to it is looked at.
    [UnconditionalSuppressMessage("Trimming", "IL2070",
        Justification = "What was trimmed away holds no value that anything could depend on.")]
    private static bool HoldsValues(Type? type, Type end)
    {
        for (; type is not null && type != end && type != typeof(object); type = type.BaseType)
        {
            if (type.IsAbstract && type.GetMethod(nameof(ToString), Own, Type.EmptyTypes) is not null) return false;
            if (Array.Exists(type.GetFields(Own), field => !typeof(ThreatModel).IsAssignableFrom(field.FieldType))) return true;
        }
        return false;
    }
}
