namespace Ardir.Core;

/// <summary>Raw values in another part of the file.</summary>
/// <param name="Type">Of a value.</param>
/// <param name="Key">Where they are.</param>
/// <param name="Count">How many.</param>
/// <param name="Offset">First value of a view into a larger storage; legacy files only.</param>
internal sealed record PickleStorage(ScalarType Type, string Key, long Count, long Offset);
