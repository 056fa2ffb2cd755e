using System.Collections.Concurrent;
using System.Diagnostics;

namespace Ardir.Mutation;

/// <summary>A worker as seen from outside.</summary>
internal sealed class WorkerProcess : IDisposable
{
    private static readonly TimeSpan _start = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan _longest = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan _look = TimeSpan.FromMilliseconds(250);

    private readonly Process _process;
    private readonly BlockingCollection<string> _answers = [];

    public WorkerProcess(string sandbox, string classes, int mutants, int? lasting = null)
    {
        string[] arguments =
        [
            "exec", "--depsfile", Path.Combine(sandbox, "Ardir.Tests.deps.json"),
            "--runtimeconfig", Path.Combine(sandbox, "Ardir.Tests.runtimeconfig.json"),
            Path.Combine(sandbox, "Ardir.Mutation.dll"), "worker", classes, FormattableString.Invariant($"{mutants}"),
        ];
        var start = new ProcessStartInfo("dotnet", arguments)
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = sandbox,
        };
        start.Environment["OMP_NUM_THREADS"] = "1";
        start.Environment["DOTNET_GCHeapHardLimit"] = "0x100000000";   // a mutant may allocate without end
        start.Environment.Remove(Worker.LastingMutant);
        if (lasting is { } id) start.Environment[Worker.LastingMutant] = FormattableString.Invariant($"{id}");
        _process = Process.Start(start)!;
        _process.OutputDataReceived += (_, line) =>
        {
            if (line.Data is null) _answers.CompleteAdding();
            else if (line.Data.StartsWith(Worker.Sign, StringComparison.Ordinal)) _answers.Add(line.Data[Worker.Sign.Length..]);
        };
        _process.ErrorDataReceived += (_, line) => LastError = line.Data ?? LastError;
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        for (var answer = Answer(_start); answer?[0] != "ready"; answer = Answer(_start))
            Tests.Add((answer ?? throw new InvalidOperationException("The worker did not start: " + LastError))[1]);
    }

    public List<string> Tests { get; } = [];

    public string LastError { get; private set; } = "";

    /// <summary>Whether the process ended by itself.</summary>
    public bool Died => _answers.IsCompleted;

    public void Order(string order)
    {
        try
        {
            _process.StandardInput.WriteLine(order);
        }
        catch (IOException)
        {
            // It died; the missing answer tells.
        }
    }

    /// <summary>
    /// The words of the next answer; null when the process ended, or did not give it within this much time of a processor. That does not
    /// depend on what else the machine does, unlike the time on the clock, which only ends what waits for ever.
    /// </summary>
    public string[]? Answer(TimeSpan limit)
    {
        var (clock, before) = (Stopwatch.StartNew(), Used());
        while (!_answers.IsCompleted)
        {
            if (_answers.TryTake(out var line, _look)) return line.Split('\t');
            if (Used() - before > limit || clock.Elapsed > _longest) return null;
        }
        return null;
    }

    private TimeSpan Used()
    {
        try
        {
            _process.Refresh();
            return _process.TotalProcessorTime;
        }
        catch (InvalidOperationException)
        {
            return default;   // it has ended
        }
    }

    public void Dispose()
    {
        if (!_process.HasExited) _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
        _answers.Dispose();
    }
}
