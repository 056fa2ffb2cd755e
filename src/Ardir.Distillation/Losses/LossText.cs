namespace Ardir.Distillation;

/// <summary>Texts by which losses, and with them runs, are recognised.</summary>
internal static class LossText
{
    /// <summary>Every entry, which a record's own text would not show.</summary>
    public static string List<T>(IReadOnlyList<T>? list) => list is null ? "null" : $"[{string.Join(", ", list)}]";
}
