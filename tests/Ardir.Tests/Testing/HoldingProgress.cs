namespace Ardir.Tests;

/// <summary>In a process that is to be killed: lets so many reports pass, then leaves a file and stands still until the end comes. However slow its parent is, the process is alive and
/// no further than that when it is killed.</summary>
internal sealed class HoldingProgress<T>(int reports, string marker, Func<T, bool> counts) : IProgress<T>
{
    private int _seen;

    public void Report(T value)
    {
        if (!counts(value) || ++_seen < reports) return;
        File.WriteAllText(marker, "held");
        Thread.Sleep(Timeout.Infinite);
    }
}
