namespace Ardir.Samples;

/// <summary>How a command ends, for scripts.</summary>
internal static class ExitCode
{
    public const int Done = 0;
    public const int Failed = 1;
    public const int WrongArguments = 2;
    public const int Stopped = 130;

    public const string Table =
        "Exit codes: 0 done; 1 failed; 2 wrong arguments; 130 stopped by Ctrl-C or SIGTERM. "
        + "Each but 0 comes with one line on stderr that says why ("
        + Job.StackVariable + "=1 in the environment adds the stack trace); "
        + "results and progress are on stdout.";
}
