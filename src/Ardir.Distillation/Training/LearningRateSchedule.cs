namespace Ardir.Distillation;

/// <summary>Multi-step decay with a linear warm-up, a function of the epoch alone so that a resumed run needs no state.</summary>
internal static class LearningRateSchedule
{
    public static double At(TrainerOptions options, int epoch, int step, int steps)
    {
        var rate = options.LearningRate * Math.Pow(options.LearningRateDecay, options.Milestones.Count(milestone => epoch >= milestone));
        if (epoch >= options.WarmupEpochs) return rate;
        return rate * (epoch * (double)steps + step + 1) / (options.WarmupEpochs * (double)steps);
    }
}
