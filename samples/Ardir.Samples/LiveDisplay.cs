using System.Diagnostics;
using System.Globalization;
using Ardir.Attacks;
using Ardir.Distillation;
using Spectre.Console;

namespace Ardir.Samples;

/// <summary>A bar per job with what it reached so far; plain lines where the output is no terminal.</summary>
internal sealed class LiveDisplay
{
    private readonly ProgressContext _context;

    private LiveDisplay(ProgressContext context) => _context = context;

    public static void Show(Action<LiveDisplay> work)
    {
        if (Console.IsOutputRedirected)
        {
            // Without a terminal Spectre would repeat every bar each second.
            AnsiConsole.Progress().AutoRefresh(false).Columns(new TaskDescriptionColumn()).Start(context => work(new LiveDisplay(context)));
            return;
        }
        AnsiConsole.Progress().AutoClear(false).HideCompleted(false)
            .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn(), new SpinnerColumn())
            .Start(context => work(new LiveDisplay(context)));
    }

    /// <summary>A bar that follows a training run.</summary>
    public IProgress<TrainingProgress> Track(string title) => new TrainingTracker(_context.AddTask(title, maxValue: 1), title);

    /// <summary>A bar of a known number of jobs.</summary>
    public JobTracker Track(string title, int jobs) => new(_context.AddTask(title, maxValue: jobs), title);

    /// <summary>A bar that follows an ensemble of attacks.</summary>
    public IProgress<AttackProgress> TrackEvaluation(string title) => new EvaluationTracker(_context.AddTask(title, maxValue: 1), title);

    private static void Line(string text)
    {
        if (Console.IsOutputRedirected) Console.WriteLine(text);
    }

    internal sealed class JobTracker(ProgressTask task, string title)
    {
        public void Advance(string done)
        {
            task.Increment(1);
            task.Description = task.IsFinished ? $"[green]{title}[/]" : $"{title}: {Markup.Escape(done)}";
            Line($"{title}: {done}");
        }
    }

    private sealed class TrainingTracker(ProgressTask task, string title) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value)
        {
            // Evaluation is a small part of an epoch; the bar stands still for it.
            var inEpoch = value.Phase == TrainingPhase.Train ? value.Step / (double)value.Steps : 1;
            task.Value = (value.Epoch + inEpoch) / value.Epochs;
            var state = value.Metrics is { } metrics
                ? string.Create(CultureInfo.InvariantCulture, $"epoch {value.Epoch + 1}/{value.Epochs}, loss {metrics.TrainLoss:F3}, clean {metrics.CleanAccuracy:P1}, PGD-10 {metrics.RobustAccuracy:P1}")
                : string.Create(CultureInfo.InvariantCulture, $"epoch {value.Epoch + 1}/{value.Epochs}{(value.Loss is { } loss ? $", loss {loss:F3}" : "")}");
            if (value.Metrics is not null) Line($"{title}: {state}");
            if (value.Metrics is not null || value.Loss is not null) task.Description = $"{(task.Value >= 1 ? $"[green]{title}[/]" : title)} [grey]{state}[/]";
        }
    }

    private sealed class EvaluationTracker(ProgressTask task, string title) : IProgress<AttackProgress>
    {
        private static readonly TimeSpan _redraw = TimeSpan.FromMilliseconds(100);
        private static readonly TimeSpan _silence = TimeSpan.FromSeconds(30);

        private readonly Stopwatch _shown = Stopwatch.StartNew();
        private readonly Stopwatch _written = Stopwatch.StartNew();
        private string _accuracy = "";

        public void Report(AttackProgress value)
        {
            // Attacks report every step, some of them thousands a second.
            if (value.Evaluation is null && value.Fraction < 1 && _shown.Elapsed < _redraw) return;
            _shown.Restart();
            task.Value = value.Fraction ?? task.Value;
            if (value.Evaluation is { } evaluation)
                _accuracy = string.Create(CultureInfo.InvariantCulture, $": {evaluation.CleanAccuracy:P1} clean, {evaluation.RobustAccuracy:P1} robust so far");
            var step = value.Evaluation is null ? $"step {value.Step}" : $"{value.Step + 1}";
            var state = $"{value.Attack} {step}/{value.Steps}{_accuracy}";
            task.Description = $"{title} [grey]{Markup.Escape(state)}[/]";
            // Where lines cannot be redrawn, a sign of life within long batches.
            if (value.Evaluation is null && _written.Elapsed < _silence) return;
            _written.Restart();
            Line(string.Create(CultureInfo.InvariantCulture, $"{task.Value,4:P0} {state}"));
        }
    }
}
