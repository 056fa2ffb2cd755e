namespace Ardir.Distillation;

/// <summary>Calls back on the same thread: System.Progress posts to another thread, and reports must arrive in order.</summary>
internal sealed class Relay(Action<int> report) : IProgress<int>
{
    public void Report(int value) => report(value);
}
