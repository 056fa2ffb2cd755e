namespace Ardir.Core;

/// <summary>Raw values in another part of the file.</summary>
/// <param name="Type">The type of each value.</param>
/// <param name="Key">The name of that part of the file.</param>
/// <param name="Count">The number of values.</param>
/// <param name="Offset">Index of the first value of a view into a larger storage; not 0 only in legacy files.</param>
internal sealed record PickleStorage(ScalarType Type, string Key, long Count, long Offset);
