namespace Ardir.Benchmarks;

/// <summary>Where the images lie, and where trained networks are kept; null for nowhere.</summary>
internal sealed record FewerPassesFolders(string Fashion, string? Cifar, string? Checkpoints);
