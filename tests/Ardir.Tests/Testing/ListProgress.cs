namespace Ardir.Tests;

/// <summary>Keeps every report, on the calling thread (unlike Progress, which posts them).</summary>
internal sealed class ListProgress<T>(Action<T>? also = null) : IProgress<T>
{
    public List<T> Reports { get; } = [];

    public void Report(T value)
    {
        Reports.Add(value);
        also?.Invoke(value);
    }
}
