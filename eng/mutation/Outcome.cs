namespace Ardir.Mutation;

/// <summary>What became of a mutant.</summary>
internal enum Outcome
{
    /// <summary>A test failed with it and passes without.</summary>
    Killed,

    /// <summary>A test did not end.</summary>
    TimedOut,

    /// <summary>The process of the tests died.</summary>
    Crashed,

    /// <summary>No test that runs it failed.</summary>
    Survived,

    /// <summary>No test runs it.</summary>
    Uncovered,
}
