namespace Ardir.Distillation;

/// <summary>A run with something left to do.</summary>
/// <param name="Run">The run.</param>
/// <param name="Attacks">The attacks that are missing; null while the training is not over.</param>
internal sealed record OpenRun(ExperimentRun Run, IReadOnlyList<string>? Attacks);
