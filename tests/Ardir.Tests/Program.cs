using Ardir.Tests;

// The test assembly is its own child process where a test has to kill one.
return args is ["ensemble", var state, var result] ? EnsembleWorker.Run(state, result) : 2;
