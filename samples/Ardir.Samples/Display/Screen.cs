using Spectre.Console;

namespace Ardir.Samples;

/// <summary>What stdout is: a terminal that can be redrawn, or something that takes lines.</summary>
internal static class Screen
{
    // Wider than any line: whoever reads a pipe wants one line to be one line.
    private const int Unlimited = 100_000;

    private static bool _isSilent;

    /// <summary>Whether lines can be drawn again.</summary>
    public static bool IsLive => !_isSilent && !Console.IsOutputRedirected && AnsiConsole.Profile.Capabilities is { Ansi: true, Interactive: true };

    /// <summary>Writes nothing more to stdout: another process speaks for this one.</summary>
    public static void Silence()
    {
        _isSilent = true;
        Console.SetOut(TextWriter.Null);
        AnsiConsole.Console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(TextWriter.Null) });
    }

    /// <summary>Before anything is written.</summary>
    public static void Prepare()
    {
        if (Console.IsOutputRedirected) AnsiConsole.Profile.Width = Unlimited;
    }
}
