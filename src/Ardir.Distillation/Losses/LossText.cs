namespace Ardir.Distillation;

/// <summary>Parts of the texts that identify a loss and, with it, a training run.</summary>
public static class LossText
{
    /// <summary>Lists every entry; the generated text of a record would show only the type of the list.</summary>
    /// <typeparam name="T">Of the entries.</typeparam>
    /// <param name="list">The list, or null.</param>
    /// <returns>For example <c>[layer1, layer2]</c>; <c>null</c> for null.</returns>
    public static string List<T>(IReadOnlyList<T>? list) => list is null ? "null" : $"[{string.Join(", ", list)}]";
}
