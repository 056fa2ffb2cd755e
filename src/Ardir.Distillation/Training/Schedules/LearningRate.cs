namespace Ardir.Distillation;

/// <summary>The learning rate of a step: schedule times linear warm-up.</summary>
internal static class LearningRate
{
    public static double At(TrainerOptions options, TrainingMoment moment)
    {
        var rate = options.LearningRate * options.EffectiveSchedule.Factor(moment);
        if (!double.IsFinite(rate) || rate < 0)
            throw new InvalidOperationException(
                $"The schedule {options.EffectiveSchedule} gave the learning rate {rate} at step {moment.Step} of epoch {moment.Epoch}; " +
                "expected a finite number that is not negative.");
        if (moment.Epoch >= options.WarmupEpochs) return rate;
        return rate * (moment.Done + 1) / (options.WarmupEpochs * (double)moment.Steps);
    }
}
