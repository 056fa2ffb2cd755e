using System.Globalization;
using Ardir.Distillation;

namespace Ardir.Samples;

/// <summary>Follows a plan: one bar for the whole, one for the present run.</summary>
/// <param name="display">Shows them.</param>
internal sealed class PaperTracker(LiveDisplay display) : IProgress<ExperimentProgress>
{
    private readonly JobLine _whole = display.Add("Plan");
    private JobLine? _run;
    private string _title = "";

    public void Report(ExperimentProgress value)
    {
        var left = value.Remaining is { } time ? $", {TimeLeft.Text(time)}" : "";
        var done = value.Done / (double)value.Runs;
        var title = value.Method.Length == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"{value.Method}, seed {value.Seed}");
        if (value.Record is { } record)
        {
            Run(title).Reached(1, record.Outcome == RunOutcome.Finished ? "done" : record.Outcome.ToString());
            _whole.Reached(done, $"{value.Done}/{value.Runs} runs{left}");
            return;
        }
        _whole.Quiet(done, $"{value.Done}/{value.Runs} runs{left}");
        if (title.Length == 0) _whole.Step(done, value.Activity);
        else Step(Run(title), value, left);
    }

    private static void Step(JobLine line, ExperimentProgress value, string left)
    {
        if (value.Training is { } training)
        {
            var inEpoch = training.Phase == TrainingPhase.Train ? training.Step / (double)training.Steps : 1;
            var accuracy = training.History.Count == 0 ? ""
                : string.Create(CultureInfo.InvariantCulture, $", robust {training.History[^1].RobustAccuracy:P1}");
            line.Step((training.Epoch + inEpoch) / training.Epochs, $"epoch {training.Epoch + 1}/{training.Epochs}{accuracy}", left);
        }
        else if (value.Attack is { } attack)
            line.Step(1, $"{value.Activity}, step {attack.Step}/{attack.Steps}", left);
        else
            line.Step(0, value.Activity, left);
    }

    private JobLine Run(string title)
    {
        if (_run is null || title != _title) (_run, _title) = (display.Add(title), title);
        return _run;
    }
}
