using System.Runtime.CompilerServices;

// One test at a time in this process, because some watch what is global to it. Those that only wait for other processes run beside them.
[assembly: CollectionBehavior(CollectionBehavior.CollectionPerAssembly)]

namespace Ardir.Tests;

internal static class TestSetup
{
    /// <summary>The collection of the tests whose work is done by other processes: they run beside all others.</summary>
    public const string OtherProcesses = "other processes";

#pragma warning disable CA2255 // a test assembly is its own application
    [ModuleInitializer]
    internal static void Initialize()
    {
        // Before libtorch is loaded, which reads the variable once.
        ProcessorWorkaround.Apply();
        Ardir.Core.FreedMemory.Keep();
        // Small tensors: a second thread only spins, and other processes make it far slower.
        set_num_threads(1);
    }
#pragma warning restore CA2255
}
