namespace Ardir.Tests;

/// <summary>Work with another number of threads of libtorch, which concerns the thread that sets it.</summary>
internal static class LibtorchThreads
{
    public static void Run(int count, Action action)
    {
        var before = get_num_threads();
        set_num_threads(count);
        try
        {
            action();
        }
        finally
        {
            set_num_threads(before);
        }
    }
}
