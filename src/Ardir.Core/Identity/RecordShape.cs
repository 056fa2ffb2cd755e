using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;

namespace Ardir.Core;

/// <summary>What a record, or an object of an anonymous type, consists of.</summary>
internal static class RecordShape
{
    private const BindingFlags Public = BindingFlags.Instance | BindingFlags.Public;
    private const BindingFlags Own = Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;

    // Looks for PrintMembers and not for the clone method, which trimming removes from records that are never copied.
    [UnconditionalSuppressMessage("Trimming", "IL2070",
        Justification = "A type keeps the text that it overrides, which calls this method in a record.")]
    public static bool IsRecord(Type type) =>
        type.GetMethod("PrintMembers", Public | BindingFlags.NonPublic, [typeof(StringBuilder)]) is not null;

    public static bool IsAnonymous(Type type) =>
        type.IsDefined(typeof(CompilerGeneratedAttribute), inherit: false) && type.Name.Contains("AnonymousType", StringComparison.Ordinal);

    /// <summary>Its public properties and fields, which its text shows, too.</summary>
    [UnconditionalSuppressMessage("Trimming", "IL2075",
        Justification = "The text that a record generates reads its properties and fields, so trimming keeps them.")]
    public static IEnumerable<(string Name, object? Value)> Members(object record)
    {
        foreach (var property in record.GetType().GetProperties(Public))
            if (property.GetIndexParameters().Length == 0) yield return (property.Name, property.GetValue(record));
        foreach (var field in record.GetType().GetFields(Public)) yield return (field.Name, field.GetValue(record));
    }

    /// <summary>Whether a record has fields that no public property shows. A field belongs to a property that is named like it, or to one
    /// that can be set and has no field of its own.</summary>
    [UnconditionalSuppressMessage("Trimming", "IL2070",
        Justification = "What was trimmed away holds no value that anything could depend on.")]
    public static bool HidesFields(Type? type)
    {
        for (; type is not null && type != typeof(object) && type != typeof(ValueType); type = type.BaseType)
        {
            var properties = type.GetProperties(Public | BindingFlags.DeclaredOnly);
            var fields = type.GetFields(Own).Where(field => !field.IsPublic && !typeof(ThreatModel).IsAssignableFrom(field.FieldType))
                .Select(field => PropertyOf(field.Name)).ToHashSet(StringComparer.OrdinalIgnoreCase);
            var withoutField = properties.Count(property => property.SetMethod?.IsPublic == true && !fields.Contains(property.Name));
            fields.ExceptWith(properties.Select(property => property.Name));
            if (fields.Count > withoutField) return true;
        }
        return false;
    }

    // The compiler calls the field of a property <Name>k__BackingField; people call it _name.
    private static string PropertyOf(string field) =>
        field.StartsWith('<') ? field[1..field.IndexOf('>', StringComparison.Ordinal)] : field.TrimStart('_');
}
