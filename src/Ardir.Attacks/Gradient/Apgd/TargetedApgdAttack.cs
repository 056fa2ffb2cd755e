using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>
/// APGD-T (Croce and Hein 2020): <see cref="ApgdAttack"/> with the targeted DLR loss, toward one class after another in the order of the
/// clean logits. The targets only guide the search: any wrong class counts as a success. With fewer than four classes, which that loss
/// needs, it maximises the difference z_t - z_y. For targets of your own use <see cref="ApgdAttack"/> and
/// <see cref="AttackContext.Targets"/>.
/// </summary>
public sealed class TargetedApgdAttack : UnitAttack
{
    private readonly TargetedApgdOptions _options;

    /// <summary>Creates the attack.</summary>
    /// <param name="threat">What may change.</param>
    /// <param name="options">Options; 100 iterations toward each of 9 classes when null.</param>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    public TargetedApgdAttack(ThreatModel threat, TargetedApgdOptions? options = null) : base(threat)
    {
        _options = options ?? new TargetedApgdOptions();
        _options.Validate();
    }

    /// <inheritdoc/>
    public override string Name => "APGD-T";

    /// <inheritdoc/>
    protected override int UnitCount(long classes) => _options.TargetsAmong(classes) * _options.Search.Restarts;

    /// <inheritdoc/>
    protected override long UnitCost(long classes) => ApgdUnit.Cost(_options.Search, Threat);

    /// <inheritdoc/>
    protected override UnitOutcome SearchUnit(AttackRun run, int unit)
    {
        if (run.Targets is not null)
        {
            throw new InvalidOperationException(
                "APGD-T chooses its targets itself, but context.Targets is set. Use ApgdAttack to reach targets of your own.");
        }
        var target = TargetClasses.Reachable(run.CleanLogits, run.Labels, unit / _options.Search.Restarts);
        return ApgdUnit.Search(run.Aim(target).With(AttackLoss.DlrOrMargin), _options.Search, Name, unit, _options.GiveUp);
    }

    /// <inheritdoc/>
    protected override bool AllowsLowPrecision => true;

    /// <inheritdoc/>
    protected override object? Options => _options;

    /// <inheritdoc/>
    protected override bool GivesUp(int samples) => _options.GiveUp && samples == 1;
}
