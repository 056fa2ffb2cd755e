namespace Ardir.Distributed;

/// <summary>No MPI library that can be used, a launcher of another kind, an error that MPI reports, or ranks that do not make the same
/// calls.</summary>
/// <param name="message">What is wrong and what to do.</param>
public sealed class MpiException(string message) : Exception(message);
