namespace Ardir.Distillation;

/// <summary>A sum over some of the samples of an epoch, exact in float64.</summary>
internal sealed record PartialSum(double Sum, long Samples);
