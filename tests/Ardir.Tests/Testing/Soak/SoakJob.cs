namespace Ardir.Tests;

/// <summary>One piece of work of the soak.</summary>
/// <param name="Name">For the table.</param>
/// <param name="Run">Does it and returns a fingerprint of everything that it computed: the same every time.</param>
internal sealed record SoakJob(string Name, Func<string> Run);
