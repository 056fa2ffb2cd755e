namespace Ardir.Core;

/// <summary>A class or function that a pickle refers to by name. The name is compared with a list and never resolved.</summary>
internal sealed record PickleGlobal(string Name);
