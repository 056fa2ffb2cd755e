using System.Globalization;
using System.Text.Json;

namespace Ardir.Distillation;

/// <summary>Values for the loss of an <see cref="ExperimentMethod"/>, by name. A factory in <see cref="ExperimentLosses"/> reads those it
/// knows; a value that it did not read is refused, so that a misspelt name cannot pass for a default.</summary>
/// <example><code>
/// var losses = ExperimentLosses.Standard.With("my loss", settings => new MyLoss(settings.Number("weight", 0.5)));
/// </code></example>
public sealed class MethodSettings : IEquatable<MethodSettings>
{
    private readonly SortedDictionary<string, JsonElement> _values;
    private readonly SortedSet<string> _read = new(StringComparer.Ordinal);

    internal MethodSettings(IEnumerable<KeyValuePair<string, JsonElement>> values) =>
        _values = new SortedDictionary<string, JsonElement>(new Dictionary<string, JsonElement>(values), StringComparer.Ordinal);

    /// <summary>No values: the defaults of the loss.</summary>
    public static MethodSettings Empty => new([]);

    /// <summary>Names of the values, in alphabetical order.</summary>
    public IReadOnlyCollection<string> Names => _values.Keys;

    internal IReadOnlyDictionary<string, JsonElement> Values => _values;

    /// <summary>The settings with another value.</summary>
    /// <param name="name">Its name, for example "beta".</param>
    /// <param name="value">The value.</param>
    public MethodSettings With(string name, double value) => With(name, value.ToString("R", CultureInfo.InvariantCulture));

    /// <summary>The settings with another value.</summary>
    /// <param name="name">Its name, for example "teacherData".</param>
    /// <param name="value">The value, for example a member of an enumeration.</param>
    public MethodSettings With(string name, Enum value)
    {
        ArgumentNullException.ThrowIfNull(value);
        return With(name, $"\"{value}\"");
    }

    /// <summary>The settings with another value.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="value">The value.</param>
    public MethodSettings With(string name, bool value) => With(name, value ? "true" : "false");

    /// <summary>The settings with another value.</summary>
    /// <param name="name">Its name, for example "layers".</param>
    /// <param name="value">The texts.</param>
    public MethodSettings With(string name, params IReadOnlyList<string> value) =>
        With(name, "[" + string.Join(", ", value.Select(text => $"\"{JsonEncodedText.Encode(text)}\"")) + "]");

    /// <summary>A number.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="standard">The value when it is not set.</param>
    /// <exception cref="FormatException">The value is no finite number.</exception>
    public double Number(string name, double standard) => Find(name) is not { } value ? standard
        : value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number) && double.IsFinite(number) ? number
        : throw Wrong(name, value, "a finite number");

    /// <summary>A whole number.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="standard">The value when it is not set.</param>
    /// <exception cref="FormatException">The value is no whole number of 32 bits.</exception>
    public int Whole(string name, int standard) => Find(name) is not { } value ? standard
        : value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) ? number
        : throw Wrong(name, value, "a whole number");

    /// <summary>True or false.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="standard">The value when it is not set.</param>
    /// <exception cref="FormatException">The value is neither true nor false.</exception>
    public bool Flag(string name, bool standard) => Find(name) is not { } value ? standard
        : value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean() : throw Wrong(name, value, "true or false");

    /// <summary>A member of an enumeration, in upper or lower case.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="standard">The value when it is not set.</param>
    /// <exception cref="FormatException">The enumeration has no such member.</exception>
    public T Choice<T>(string name, T standard) where T : struct, Enum => Choice<T>(name) ?? standard;

    /// <summary>A member of an enumeration, in upper or lower case; null when it is not set.</summary>
    /// <param name="name">Its name.</param>
    /// <exception cref="FormatException">The enumeration has no such member.</exception>
    public T? Choice<T>(string name) where T : struct, Enum
    {
        if (Find(name) is not { } value) return null;
        var text = value.ValueKind == JsonValueKind.String ? value.GetString() : null;
        var found = Array.FindIndex(Enum.GetNames<T>(), member => string.Equals(member, text, StringComparison.OrdinalIgnoreCase));
        return found >= 0 ? Enum.GetValues<T>()[found] : throw Wrong(name, value, $"one of {string.Join(", ", Enum.GetNames<T>())}");
    }

    /// <summary>A list of texts.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="standard">The value when it is not set.</param>
    /// <exception cref="FormatException">The value is no list of texts.</exception>
    public IReadOnlyList<string> Texts(string name, IReadOnlyList<string> standard)
    {
        if (Find(name) is not { } value) return standard;
        return value.ValueKind == JsonValueKind.Array && value.EnumerateArray().All(text => text.ValueKind == JsonValueKind.String)
            ? [.. value.EnumerateArray().Select(text => text.GetString()!)]
            : throw Wrong(name, value, "a list of texts");
    }

    /// <inheritdoc/>
    public bool Equals(MethodSettings? other) => other is not null && ToString() == other.ToString();

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as MethodSettings);

    /// <inheritdoc/>
    public override int GetHashCode() => StringComparer.Ordinal.GetHashCode(ToString());

    /// <summary>The values as JSON, in alphabetical order of their names.</summary>
    public override string ToString() =>
        "{" + string.Join(", ", _values.Select(pair => $"\"{JsonEncodedText.Encode(pair.Key)}\": {Compact(pair.Value)}")) + "}";

    /// <summary>Refuses values that nobody has read.</summary>
    internal void EnsureAllRead(string loss)
    {
        var unread = _values.Keys.Where(name => !_read.Contains(name)).ToList();
        if (unread.Count == 0) return;
        var known = _read.Count == 0 ? "it has no settings" : $"it has {string.Join(", ", _read.Select(name => $"'{name}'"))}";
        throw new FormatException($"The loss '{loss}' has no setting '{unread[0]}'; {known}.");
    }

    private MethodSettings With(string name, string json)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        using var document = JsonDocument.Parse(json);
        return new MethodSettings(_values.Where(pair => pair.Key != name).Append(new(name, document.RootElement.Clone())));
    }

    private JsonElement? Find(string name)
    {
        _read.Add(name);
        return _values.TryGetValue(name, out var value) ? value : null;
    }

    // As it was written, but without line breaks between its parts.
    private static string Compact(JsonElement value)
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer)) value.WriteTo(writer);
        return System.Text.Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private static FormatException Wrong(string name, JsonElement value, string expected) =>
        new($"The setting '{name}' is {Compact(value)}; expected {expected}.");
}
