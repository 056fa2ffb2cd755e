namespace Ardir.Distillation;

/// <summary>How far an epoch is, and its sums.</summary>
internal sealed class EpochState : IDisposable
{
    private readonly ProgressReporter _clock;
    private readonly TimeSpan _started;

    /// <summary>Begins an epoch, or resumes it in the middle.</summary>
    public EpochState(TrainingRun run, PartialEpoch? partial)
    {
        (Epoch, Epochs, Steps) = (run.Epochs.Count, run.Options.Epochs, run.Steps);
        _clock = run.Report;
        _started = _clock.Elapsed - (partial?.Elapsed ?? TimeSpan.Zero);
        if (partial is null) return;
        (Step, Skipped) = (partial.Step, partial.Skipped);
        // What was summed over all ranks counts once.
        if (run.Ranks.IsFirst) Totals.Load(partial.Sums, run.Device);
    }

    public int Epoch { get; }

    public int Epochs { get; }

    /// <summary>Steps of the epoch.</summary>
    public int Steps { get; }

    /// <summary>Steps done, the skipped ones included.</summary>
    public int Step { get; private set; }

    public int Skipped { get; private set; }

    public double LearningRate { get; set; }

    public EpochTotals Totals { get; private set; } = new();

    public TrainingMoment Moment => new(Epoch, Epochs, Step, Steps);

    public bool IsLast => Step == Steps - 1;

    public void Done(bool taken)
    {
        Step++;
        if (!taken) Skipped++;
    }

    /// <summary>Ends the epoch, whose sums are those of all ranks from now on.</summary>
    public void Close(Ranks ranks)
    {
        if (!ranks.AreSeveral) return;
        using var own = Totals;
        Totals = own.Over(ranks);
    }

    /// <summary>What a checkpoint needs to resume here, over all ranks. Waits for the device.</summary>
    public PartialEpoch Save(Ranks ranks)
    {
        using var all = ranks.AreSeveral ? Totals.Over(ranks) : null;
        return new() { Step = Step, Skipped = Skipped, Elapsed = _clock.Elapsed - _started, Sums = (all ?? Totals).Save() };
    }

    /// <summary>The mean loss so far, over all ranks; null where no step counts yet. Waits for the device.</summary>
    public double? MeanLoss(Ranks ranks)
    {
        using var all = ranks.AreSeveral ? Totals.Over(ranks) : null;
        return (all ?? Totals) is { Any: true } totals ? totals.MeanLoss() : null;
    }

    public EpochMetrics Metrics(double loss) => new()
    {
        Epoch = Epoch, LearningRate = LearningRate, TrainLoss = loss, TrainAccuracy = Totals.Accuracy(), Terms = Totals.Terms(),
        SkippedSteps = Skipped, Elapsed = _clock.Elapsed - _started,
    };

    public void Dispose() => Totals.Dispose();
}
