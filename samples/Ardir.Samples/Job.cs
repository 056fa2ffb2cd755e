using Spectre.Console;

namespace Ardir.Samples;

/// <summary>Turns the ways a command ends into exit codes: 0, 130 when stopped, 1 with a message for what the user can mend.</summary>
internal static class Job
{
    public static int Run(string output, Action work)
    {
        try
        {
            work();
            return 0;
        }
        catch (OperationCanceledException)
        {
            AnsiConsole.MarkupLine($"\n[yellow]Stopped.[/] What was finished is in [bold]{Markup.Escape(output)}[/]; the same command goes on from there.");
            return 130;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or InvalidOperationException or Ardir.Core.WeightFormatException or Ardir.Core.DataFormatException)
        {
            AnsiConsole.MarkupLine($"\n[red]Error:[/] {Markup.Escape(e.Message)}");
            return 1;
        }
    }
}
