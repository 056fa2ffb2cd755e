using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Text;

namespace Ardir.Attacks;

/// <summary>
/// A resumed job recognises its attacks, losses and schedules by their <c>ToString</c> texts. This class finds objects for which such a
/// comparison fails, also among the options of others: they hold values but print only the name of their type.
/// </summary>
internal static class HiddenOptions
{
    private const BindingFlags Own = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;
    private const int MaxDepth = 8;

    /// <summary>The first such object; null when the texts show everything.</summary>
    public static object? Find(object? value) => Find(value, depth: 0);

    // Networks and tensors are compared by their values, not by their text.
    private static object? Find(object? value, int depth) => value switch
    {
        null or string or Tensor or nn.Module or IModule or Type => null,
        // Its text shows the options that its result depends on, so only its attacks need a look.
        ICompositeAttack composite => Find(composite.Attacks, depth + 1),
        _ when depth > MaxDepth => null,
        IEnumerable<object> list => list.Select(entry => Find(entry, depth + 1)).FirstOrDefault(found => found is not null),
        _ when !OverridesText(value.GetType()) => HasOptions(value.GetType()) ? value : null,
        _ => Parts(value).Select(part => Find(part, depth + 1)).FirstOrDefault(found => found is not null),
    };

    // A record prints its properties. An attack of this library prints its options, which are a record, or the attacks that it
    // consists of.
    [UnconditionalSuppressMessage("Trimming", "IL2075",
        Justification = "What was trimmed away holds no value that anything could depend on.")]
    private static IEnumerable<object?> Parts(object value)
    {
        var type = value.GetType();
        if (IsRecord(type))
            return type.GetProperties(BindingFlags.Instance | BindingFlags.Public)
                .Where(property => property.GetIndexParameters().Length == 0)
                .Select(property => property.GetValue(value));
        if (value is not IAttack || type.Assembly != typeof(HiddenOptions).Assembly) return [];
        return type.GetFields(Own)
            .Select(field => field.GetValue(value))
            .Where(part => part is IEnumerable<IAttack> || (part is not null && IsRecord(part.GetType())));
    }

    // Looks for PrintMembers and not for the clone method, which trimming removes from records that are never copied.
    [UnconditionalSuppressMessage("Trimming", "IL2070",
        Justification = "A type keeps the text that it overrides, which calls this method in a record.")]
    private static bool IsRecord(Type type)
    {
        const BindingFlags Any = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic;
        return type.GetMethod("PrintMembers", Any, [typeof(StringBuilder)]) is not null;
    }

    [UnconditionalSuppressMessage("Trimming", "IL2070", Justification = "A type keeps the text that it overrides.")]
    private static bool OverridesText(Type type) =>
        type.GetMethod(nameof(ToString), Type.EmptyTypes)!.DeclaringType is { } owner
        && owner != typeof(object) && owner != typeof(ValueType) && owner != typeof(Attack);

    // Any field counts except for the threat model, which is compared separately.
    [UnconditionalSuppressMessage("Trimming", "IL2070",
        Justification = "What was trimmed away holds no value that anything could depend on.")]
    private static bool HasOptions(Type? type) =>
        type is not null && type != typeof(object) && type != typeof(Attack) &&
        (Array.Exists(type.GetFields(Own), field => field.FieldType != typeof(Core.ThreatModel)) || HasOptions(type.BaseType));
}
