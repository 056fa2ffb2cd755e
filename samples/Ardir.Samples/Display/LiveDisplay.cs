using Spectre.Console;

namespace Ardir.Samples;

/// <summary>A bar per job with what it reached so far; plain lines where the output is no terminal.</summary>
internal sealed class LiveDisplay
{
    private readonly ProgressContext? _context;

    private LiveDisplay(ProgressContext? context) => _context = context;

    public static void Show(Action<LiveDisplay> work)
    {
        if (!Screen.IsLive)
        {
            work(new LiveDisplay(null));
            return;
        }
        AnsiConsole.Progress().AutoClear(false).HideCompleted(false)
            .Columns(new StateColumn(), new ProgressBarColumn { Width = StateColumn.BarWidth }, new PercentageColumn(), new SpinnerColumn())
            .Start(context => work(new LiveDisplay(context)));
    }

    /// <summary>The bar, or the lines, of one job.</summary>
    /// <param name="title">What the job is called.</param>
    public JobLine Add(string title) => new(title, _context?.AddTask(Markup.Escape(title), maxValue: 1));
}
