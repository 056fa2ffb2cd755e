using System.CommandLine;
using Ardir.Distributed;

namespace Ardir.Samples;

/// <summary>Turns the ways a command ends into exit codes and, except for the good one, a line on stderr.</summary>
internal static class Job
{
    public const string StackVariable = "ARDIR_STACK";

    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(10);

    /// <summary>Parses the arguments and runs the command they name.</summary>
    public static async Task<int> Invoke(RootCommand root, string[] arguments)
    {
        var parsed = root.Parse(arguments);
        // Help and --version ask for no arguments, so that nothing is wrong with them.
        if (parsed.Errors.Count > 0 && parsed.Action is null or System.CommandLine.Invocation.ParseErrorAction)
        {
            Print("Error", $"{string.Join(' ', parsed.Errors.Select(error => error.Message))} --help shows what is expected.");
            return ExitCode.WrongArguments;
        }
        return await parsed.InvokeAsync(new InvocationConfiguration
        {
            EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = TimeSpan.FromMinutes(2),
        });
    }

    /// <param name="output">The folder in which an interrupted command leaves what it needs to resume; null when it leaves nothing.</param>
    /// <param name="work">The command.</param>
    // On another thread: Ctrl-C is listened for only once the action has returned its task.
    public static Task<int> Start(string? output, Action work) => Task.Run(() => Run(output, work));

    /// <summary>The same as one of the ranks of an MPI launcher, of which the first alone writes to stdout.</summary>
    /// <param name="output">As above.</param>
    /// <param name="mpi">Whether there is a launcher; without, the command is the only rank.</param>
    /// <param name="work">The command.</param>
    public static Task<int> Start(string? output, bool mpi, Action<Ranks> work)
    {
        if (!mpi && MpiCollective.LaunchedRanks is > 1 and var launched)
            Warn($"This process is one of {launched}, but --mpi is not given: each of them does all of the work by itself.");
        if (!mpi) return Start(output, () => work(Ranks.Alone));
        return Task.Run(() =>
        {
            var code = ExitCode.Done;
            Timer? patience = null;
            var started = Run(null, () => code = MpiCollective.Run(ranks =>
            {
                if (ranks.Rank > 0) Screen.Silence();
                var own = Run(ranks.Rank == 0 ? output : null, () => work(Ranks.Of(ranks)));
                // What ends one rank mostly ends all of them, each with its own message. The exit of a process ends those that go on.
                if (own != ExitCode.Done) patience = new Timer(_ => Environment.Exit(own), null, _patience, Timeout.InfiniteTimeSpan);
                return own;
            }));
            patience?.Dispose();
            return started == ExitCode.Done ? code : started;
        });
    }

    /// <summary>A line on stderr, about something that does not end the command.</summary>
    public static void Warn(string message) => Print("Warning", message);

    private static int Run(string? output, Action work)
    {
        try
        {
            work();
            return ExitCode.Done;
        }
        catch (OperationCanceledException)
        {
            Print("Stopped", output is null
                ? "by request."
                : $"by request. What was finished is in {output}; the same command resumes from there.");
            return ExitCode.Stopped;
        }
        catch (UsageException e)
        {
            Print("Error", $"{e.Message} --help shows what is expected.");
            return ExitCode.WrongArguments;
        }
#pragma warning disable CA1031 // an exception that nobody catches would abort the process, with a page of text and no exit code of ours
        catch (Exception e)
#pragma warning restore CA1031
        {
            Print("Error", ErrorText.Of(e));
            if (Environment.GetEnvironmentVariable(StackVariable) is { Length: > 0 }) Write(e.ToString());
            return ExitCode.Failed;
        }
    }

    // Unwrapped, whatever the width: scripts read lines.
    private static void Print(string kind, string message) => Write($"{kind}: {ErrorText.OneLine(message)}");

    // A stderr that is closed, or a full disk behind it, must not hide the exit code.
    private static void Write(string text)
    {
        try
        {
            Console.Error.WriteLine(text);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
        }
    }
}
