using System.Diagnostics;
using System.Globalization;
using Spectre.Console;

namespace Ardir.Samples;

/// <summary>Shows how far a job is: redraws its bar, or writes a line where bars cannot be drawn.</summary>
/// <param name="title">What the job is called.</param>
/// <param name="task">Its bar; null for lines.</param>
internal sealed class JobLine(string title, ProgressTask? task)
{
    private static readonly TimeSpan _redraw = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan _silence = TimeSpan.FromSeconds(10);

    private readonly Stopwatch _drawn = Stopwatch.StartNew();
    private readonly Stopwatch _written = Stopwatch.StartNew();

    /// <summary>A step on the way: drawn often, written every ten seconds as a sign of life.</summary>
    /// <param name="fraction">How far the job is, 0 to 1.</param>
    /// <param name="state">What it is doing, short enough for a terminal.</param>
    /// <param name="more">What a line says besides.</param>
    public void Step(double fraction, string state, string more = "")
    {
        Draw(fraction, state, force: false);
        if (_written.Elapsed >= _silence) Write(fraction, state + more);
    }

    /// <summary>A step that only a bar shows, because another job's lines tell it.</summary>
    public void Quiet(double fraction, string state) => Draw(fraction, state, force: false);

    /// <summary>Something worth a line.</summary>
    /// <param name="fraction">How far the job is, 0 to 1.</param>
    /// <param name="state">What it has reached, short enough for a terminal.</param>
    /// <param name="line">The same at length, for a line; <paramref name="state"/> when null.</param>
    public void Reached(double fraction, string state, string? line = null)
    {
        Draw(fraction, state, force: true);
        Write(fraction, line ?? state);
    }

    private void Draw(double fraction, string state, bool force)
    {
        // Attacks report every step, some of them thousands a second.
        if (task is null || (!force && _drawn.Elapsed < _redraw)) return;
        _drawn.Restart();
        task.Value = fraction;
        var room = Math.Max(StateColumn.Room(AnsiConsole.Profile.Width) - title.Length - 1, 0);
        var name = Markup.Escape(title);
        var shown = Markup.Escape(state.Length <= room ? state : state[..room]);
        task.Description = $"{(fraction >= 1 ? $"[green]{name}[/]" : name)} [grey]{shown}[/]";
    }

    private void Write(double fraction, string state)
    {
        if (task is not null) return;
        _written.Restart();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{title} {fraction,4:P0}: {state}"));
    }
}
