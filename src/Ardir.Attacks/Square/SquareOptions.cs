namespace Ardir.Attacks;

/// <summary>Options of <see cref="SquareAttack"/>. The defaults are those of AutoAttack (Andriushchenko et al. 2020; Croce and Hein
/// 2020).</summary>
public sealed record SquareOptions : RestartOptions
{
    /// <summary>Evaluations of the model per sample and restart, the start included.</summary>
    /// <value>5000 by default.</value>
    public int Queries { get; init; } = 5000;

    /// <summary>The share of the pixels that the first windows cover, in (0,1]; it is halved after 10, 50, 200, 500, 1000, 2000, 4000, 6000
    /// and 8000 queries.</summary>
    /// <value>0.8 by default.</value>
    public double InitialProbability { get; init; } = 0.8;

    /// <summary>Rescales the schedule, which is made for 10000 queries, to <see cref="Queries"/>. Sensible with few queries.</summary>
    /// <value>false by default, as in AutoAttack.</value>
    public bool RescaleSchedule { get; init; }

    /// <summary>The loss to maximise; a candidate is kept if the loss is higher or the goal is reached.</summary>
    /// <value>null by default: <see cref="AttackLoss.Margin"/>, or <see cref="AttackLoss.CrossEntropy"/> with
    /// <see cref="AttackContext.Targets"/>.</value>
    public IAttackLoss? Loss { get; init; }

    /// <summary>Draws the corners of windows from 0 to H-s-1 (W-s-1) as the published code does, so that no window smaller than the image
    /// ever covers the last row or column. Otherwise up to H-s (W-s), which makes the attack slightly stronger.</summary>
    /// <value>true by default, for numbers that compare with published ones.</value>
    public bool OfficialWindows { get; init; } = true;

    /// <summary>From the 1000th query on, every 500 queries, gives up samples whose margin would not reach zero even if each 500 of the
    /// remaining queries gained five times as much as the last 500 did (or as much as 500 gained on average so far, if that is more).
    /// Earlier queries are not affected. No effect with another loss than <see cref="AttackLoss.Margin"/>, with
    /// <see cref="AttackContext.Targets"/> or within <see cref="EotAttack"/>.</summary>
    /// <value>true by default: most of the queries would be spent on such samples. The published code never gives up.</value>
    public bool GiveUp { get; init; } = true;

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        OptionGuard.Positive(Queries);
        if (!(InitialProbability is > 0 and <= 1))
            throw new ArgumentOutOfRangeException(nameof(InitialProbability), InitialProbability, "InitialProbability must be in (0,1].");
    }
}
