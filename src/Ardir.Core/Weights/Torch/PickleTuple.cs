namespace Ardir.Core;

/// <summary>An immutable sequence.</summary>
internal sealed record PickleTuple(IReadOnlyList<object?> Items);
