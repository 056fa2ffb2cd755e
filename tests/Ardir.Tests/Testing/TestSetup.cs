using System.Runtime.CompilerServices;

namespace Ardir.Tests;

internal static class TestSetup
{
#pragma warning disable CA2255 // a test assembly is its own application
    // Small tensors: a second thread only spins, and other processes make it far slower.
    [ModuleInitializer]
    internal static void Initialize() => set_num_threads(1);
#pragma warning restore CA2255
}
