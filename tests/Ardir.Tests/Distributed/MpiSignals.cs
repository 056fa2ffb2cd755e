using System.Runtime.InteropServices;

namespace Ardir.Tests;

/// <summary>Signals that a program listens to from before MPI starts, or begins to listen to meanwhile, still reach it afterwards.</summary>
internal sealed class MpiSignals : IDisposable
{
    private static readonly TimeSpan _cap = TimeSpan.FromSeconds(30);

    // MPI takes a few hundred milliseconds to start. A signal that nobody listens to would end the process.
    private static readonly (PosixSignal Signal, int Number, int Delay)[] _signals =
        [(PosixSignal.SIGINT, 2, 25), (PosixSignal.SIGQUIT, 3, 60), (PosixSignal.SIGTERM, 15, 100)];

    private static int Continue => OperatingSystem.IsMacOS() ? 19 : 18;

    private readonly CountdownEvent _missing = new(_signals.Length + 2);
    private readonly List<PosixSignalRegistration> _registrations = [];
    private readonly Thread _listen;

    public MpiSignals()
    {
        // By its number on Linux and macOS, because the name is not there for Windows.
        Listen((PosixSignal)Continue);
        // UCX takes it over to attach a debugger.
        Listen(PosixSignal.SIGHUP);
        _listen = new Thread(() =>
        {
            foreach (var (signal, _, delay) in _signals)
            {
                Thread.Sleep(delay);
                Listen(signal);
            }
        });
        _listen.Start();
    }

    /// <summary>Sends them to this process.</summary>
    public void AllArrive()
    {
        _listen.Join();
        foreach (var (_, number, _) in _signals) Send(number);
        Send(Continue);
        Send(1);
        Assert.True(_missing.Wait(_cap));
    }

    public void Dispose()
    {
        foreach (var registration in _registrations) registration.Dispose();
        _missing.Dispose();
    }

    private void Listen(PosixSignal signal) => _registrations.Add(PosixSignalRegistration.Create(signal, context =>
    {
        context.Cancel = true;
        _missing.Signal();
    }));

    private static void Send(int signal) => Assert.Equal(0, Kill(Environment.ProcessId, signal));

    [DllImport("libc", EntryPoint = "kill")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    private static extern int Kill(int process, int signal);
}
