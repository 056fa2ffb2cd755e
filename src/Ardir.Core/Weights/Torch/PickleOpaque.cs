namespace Ardir.Core;

/// <summary>Something the reader does not know and does not need to: it is carried along, inert.</summary>
internal sealed record PickleOpaque(string Name);
