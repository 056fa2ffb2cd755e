namespace Ardir.Tests;

/// <summary>Ends a <see cref="SkippableFactAttribute"/> as skipped.</summary>
/// <param name="reason">Shown by the runner.</param>
internal sealed class SkipTestException(string reason) : Exception(reason);
