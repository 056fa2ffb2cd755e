namespace Ardir.Core;

/// <summary>A name that a pickle refers to. Never resolved: it is compared with a list.</summary>
internal sealed record PickleGlobal(string Name);
