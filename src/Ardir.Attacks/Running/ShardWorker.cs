using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>
/// A thread that does one piece of work after another. Where freed memory is kept (<see cref="FreedMemory"/>), it takes its memory from the
/// pool of the main thread: threads otherwise have pools of their own, so that what the shards of an attack have freed would lie idle while
/// the main thread trains, as much as all activations of a batch.
/// </summary>
internal sealed class ShardWorker : IDisposable
{
    // glibc gives one pool after the other to new threads. There are about as many as threads at the start of the process.
    private const int MostAttempts = 64;

    private static readonly ConcurrentBag<ShardWorker> _idle = [];
    private static readonly Lazy<bool> _canTell = new(AllocatesByGlibc);

    // Whether a search was in vain, as where glibc may make many pools: it is not repeated.
    private static volatile bool _isOutOfReach;

    private readonly SemaphoreSlim _begin = new(0);
    private readonly SemaphoreSlim _end = new(0);
    private Action? _work;
    private bool _isOfMainPool;

    private ShardWorker()
    {
        // Without what belongs to the caller, such as scopes of its logger: each piece of work brings its own.
        new Thread(Loop) { IsBackground = true, Name = "Ardir shard" }.UnsafeStart();
        _end.Wait();
    }

    /// <summary>Whether the search for threads of the main pool has succeeded so far.</summary>
    public static bool CanReachMainPool => _canTell.Value && !_isOutOfReach;

    /// <summary>One that has nothing to do.</summary>
    public static ShardWorker Rent() => _idle.TryTake(out var worker) ? worker : Create();

    /// <summary>Begins a piece of work.</summary>
    /// <param name="work">Must not throw.</param>
    public void Start(Action work)
    {
        var context = ExecutionContext.Capture();
        _work = context is null ? work : () => ExecutionContext.Run(context, _ => work(), null);
        _begin.Release();
    }

    /// <summary>Waits for the end of the work; the thread may then be rented again.</summary>
    public void Return()
    {
        _end.Wait();
        _idle.Add(this);
    }

    /// <summary>Ends the thread, which must have nothing to do.</summary>
    public void Dispose() => _begin.Release();

    private static ShardWorker Create()
    {
        var worker = new ShardWorker();
        if (!FreedMemory.IsKept || !CanReachMainPool) return worker;
        // Those that are refused live until the search ends, because the next thread would otherwise get the same pool.
        var refused = new List<ShardWorker>();
        try
        {
            while (refused.Count < MostAttempts && !worker._isOfMainPool)
            {
                refused.Add(worker);
                worker = new ShardWorker();
            }
        }
        catch (OutOfMemoryException)
        {
            // No more threads are to be had: the last one serves as well.
            refused.Remove(worker);
        }
        _isOutOfReach = !worker._isOfMainPool;
        refused.ForEach(other => other.Dispose());
        return worker;
    }

    private void Loop()
    {
        _isOfMainPool = TakesFromMainPool();
        _end.Release();
        while (Next())
        {
        }
        _begin.Dispose();
        _end.Dispose();
    }

    // Not inlined: what the last piece of work has held must not live as long as the thread.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool Next()
    {
        _begin.Wait();
        if (_work is not { } work) return false;
        _work = null;
        work();
        _end.Release();
        return true;
    }

    /// <summary>Whether the calling thread has its memory from the pool of the main thread; false where that cannot be known. glibc marks
    /// blocks of other pools by the third bit of the word before them.</summary>
    internal static bool TakesFromMainPool()
    {
        if (!FreedMemory.IsKept || !_canTell.Value) return false;
        // Too large for the blocks that a thread keeps from other pools, too small for one that comes from the operating system.
        const int Size = 1 << 16;
        const nint OtherPool = 4;
        var block = Marshal.AllocHGlobal(Size);
        var isOther = (Marshal.ReadIntPtr(block, -nint.Size) & OtherPool) != 0;
        Marshal.FreeHGlobal(block);
        return !isOther;
    }

    // Another allocator may have been loaded before it, whose blocks have no such word.
    private static bool AllocatesByGlibc()
    {
        const string Name = "malloc";
        return OperatingSystem.IsLinux() && NativeLibrary.TryLoad("libc.so.6", out var library)
            && NativeLibrary.TryGetExport(library, Name, out var own)
            && NativeLibrary.TryGetExport(NativeLibrary.GetMainProgramHandle(), Name, out var used) && own == used;
    }
}
