namespace Ardir.Distillation;

/// <summary>Parts of the texts that identify a loss and, with it, a training run.</summary>
internal static class LossText
{
    /// <summary>Lists every entry; the generated text of a record would show only the type of the list.</summary>
    public static string List<T>(IReadOnlyList<T>? list) => list is null ? "null" : $"[{string.Join(", ", list)}]";
}
