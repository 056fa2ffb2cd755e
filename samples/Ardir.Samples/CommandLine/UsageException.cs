namespace Ardir.Samples;

/// <summary>Arguments that cannot be meant, noticed after they were parsed.</summary>
internal sealed class UsageException(string message) : Exception(message);
