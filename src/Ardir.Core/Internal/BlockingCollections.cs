using System.Runtime;

namespace Ardir.Core;

/// <summary>
/// Keeps the garbage collector from working beside this thread while it lives. TorchSharp makes a native object of every number in <c>x.mul(0.5)</c> and does not
/// keep it alive during the call: a concurrent collection frees it while libtorch reads it, and the call fails or kills the process. The setting is the process's; it comes back
/// when the last scope of all threads ends.
/// </summary>
internal sealed class BlockingCollections : IDisposable
{
    private static readonly Lock _gate = new();
    private static int _open;
    private static GCLatencyMode _before;

    public BlockingCollections()
    {
        lock (_gate)
        {
            if (_open++ > 0) return;
            _before = GCSettings.LatencyMode;
            // Without collections there is nothing to keep away, and the mode cannot be set.
            if (_before != GCLatencyMode.NoGCRegion) GCSettings.LatencyMode = GCLatencyMode.Batch;
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            if (--_open > 0 || _before == GCLatencyMode.NoGCRegion || GCSettings.LatencyMode == GCLatencyMode.NoGCRegion) return;
            GCSettings.LatencyMode = _before;
        }
    }
}
