namespace Ardir.Distillation;

/// <summary>Multiplies the learning rate by <see cref="Decay"/> at the beginning of certain epochs.
/// <see cref="TrainerOptions.Milestones"/> is the short form.</summary>
public sealed record MultiStepSchedule : ILearningRateSchedule
{
    /// <summary>Creates the schedule.</summary>
    /// <param name="milestones">Increasing epoch numbers from 1.</param>
    /// <param name="decay">In (0,1].</param>
    /// <exception cref="ArgumentException">Milestones that do not increase, or a decay out of range.</exception>
    public MultiStepSchedule(IReadOnlyList<int> milestones, double decay = 0.1)
    {
        ScheduleGuard.Milestones(milestones, nameof(milestones));
        if (!(decay > 0 && decay <= 1)) throw new ArgumentOutOfRangeException(nameof(decay), decay, "decay must be in (0,1].");
        (Milestones, Decay) = ([.. milestones], decay);
    }

    /// <summary>Epochs, from 0, at whose beginning the factor falls.</summary>
    public IReadOnlyList<int> Milestones { get; }

    /// <summary>The factor of each fall.</summary>
    public double Decay { get; }

    /// <inheritdoc/>
    public double Factor(TrainingMoment moment) => Math.Pow(Decay, Milestones.Count(milestone => moment.Epoch >= milestone));

    /// <summary>Milestones and decay.</summary>
    /// <returns>Text that differs between different schedules.</returns>
    public override string ToString() => $"MultiStep {{ Milestones = [{string.Join(", ", Milestones)}], Decay = {Decay:R} }}";
}
