namespace Ardir.Attacks;

/// <summary>Lets the shards of a run call the model side by side, and one of them alone where a loss changes what belongs to all threads:
/// hooks of a module, or its mode.</summary>
internal sealed class ShardGate : IDisposable
{
    // What a loss calls while it is alone comes through this gate once more.
    private readonly ReaderWriterLockSlim _lock = new(LockRecursionPolicy.SupportsRecursion);

    /// <summary>Waits for the turn of this thread, which ends when the result is disposed.</summary>
    /// <param name="alone">Whether no other thread may call the model meanwhile.</param>
    public Turn Enter(bool alone)
    {
        // A thread that waits to be alone while it shares would wait for itself.
        var exclusive = alone && !_lock.IsReadLockHeld;
        if (exclusive) _lock.EnterWriteLock();
        else _lock.EnterReadLock();
        return new Turn(_lock, exclusive);
    }

    public void Dispose() => _lock.Dispose();

    internal readonly struct Turn(ReaderWriterLockSlim gate, bool exclusive) : IDisposable
    {
        public void Dispose()
        {
            if (exclusive) gate.ExitWriteLock();
            else gate.ExitReadLock();
        }
    }
}
