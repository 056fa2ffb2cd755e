namespace Ardir.Tests;

/// <summary>Two threads that allocate and collect without pause, as a busy host does at its worst: plain garbage, and tensors and numbers of TorchSharp that are left to their finalizers.</summary>
internal sealed class GarbagePressure : IDisposable
{
    private readonly SoakReport _report;
    private readonly Thread[] _threads;
    private volatile bool _stop;

    public GarbagePressure(SoakReport report)
    {
        _report = report;
        _threads = [new Thread(() => Press(generation: 0)), new Thread(() => Press(generation: 2))];
        foreach (var thread in _threads) thread.Start();
    }

    public void Dispose()
    {
        _stop = true;
        foreach (var thread in _threads) thread.Join();
    }

    private void Press(int generation)
    {
        for (var round = 1; !_stop; round++)
        {
            Allocate(round);
            GC.Collect(generation, GCCollectionMode.Forced, blocking: true);
        }
    }

    private void Allocate(int round)
    {
        var garbage = new List<byte[]>();
        for (var i = 0; i < 20; i++) garbage.Add(new byte[16 + (round * 31 + i * 97) % 4000]);
        try
        {
            // Never disposed, which is the point.
            var values = ones(4).mul(0.5 + garbage.Count);
            _ = values.add(values, alpha: 2).clamp(0, 1).sum();
        }
        catch (Exception e)
        {
            SoakReport.Count(_report.PressureFailures, SoakReport.Reason(e));
        }
    }
}
