namespace Ardir.Mutation;

/// <summary>An outcome and the test that brought it about.</summary>
internal sealed record Result(Outcome Outcome, string? Test, double Seconds);
