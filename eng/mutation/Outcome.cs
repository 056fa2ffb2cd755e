namespace Ardir.Mutation;

/// <summary>What became of a mutant.</summary>
internal enum Outcome
{
    /// <summary>A test failed with it, twice, and passed without after each time.</summary>
    Killed,

    /// <summary>A test did not end, in two processes, and ends in one without it.</summary>
    TimedOut,

    /// <summary>The process of a test died, twice, and does not without it.</summary>
    Crashed,

    /// <summary>No test that runs it failed.</summary>
    Survived,

    /// <summary>No test runs it.</summary>
    Uncovered,
}
