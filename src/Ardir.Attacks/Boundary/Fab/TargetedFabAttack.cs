using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>
/// FAB-T (Croce and Hein 2020, in AutoAttack): <see cref="FabAttack"/> along the boundary to one class after another, in the order of the
/// clean logits, with one backward pass per iteration. The targets only guide the search: any wrong class counts as a success. For targets
/// of your own use <see cref="FabAttack"/> and <see cref="AttackContext.Targets"/>.
/// </summary>
public sealed class TargetedFabAttack : UnitAttack
{
    private readonly TargetedFabOptions _options;

    /// <summary>Creates the attack.</summary>
    /// <param name="threat">A norm ball.</param>
    /// <param name="options">Options; 100 iterations toward each of 9 classes when null.</param>
    /// <exception cref="ArgumentException">The threat model is no norm ball, or an option is out of range.</exception>
    public TargetedFabAttack(ThreatModel threat, TargetedFabOptions? options = null) : base(threat)
    {
        OptionGuard.NormBall(threat, Name);
        _options = options ?? new TargetedFabOptions();
        _options.Validate();
    }

    /// <inheritdoc/>
    public override string Name => "FAB-T";

    /// <inheritdoc/>
    protected override int UnitCount(long classes) => _options.TargetsAmong(classes) * _options.Search.Restarts;

    /// <inheritdoc/>
    protected override long UnitCost(long classes) => 2L * _options.Search.Iterations;

    /// <inheritdoc/>
    protected override UnitOutcome SearchUnit(AttackRun run, int unit)
    {
        if (run.Targets is not null)
        {
            throw new InvalidOperationException(
                "FAB-T chooses its targets itself, but context.Targets is set. Use FabAttack to reach targets of your own.");
        }
        var (place, restart) = Math.DivRem(unit, _options.Search.Restarts);
        var target = TargetClasses.Reachable(run.CleanLogits, run.Labels, place);
        var aimed = run.Aim(target).With(TargetDifferenceLoss.Instance);
        return FabEngine.Search(aimed, _options.Search, FabPlane.OfLoss, new FabUnit(Name, unit, restart));
    }

    /// <inheritdoc/>
    protected override object? Options => _options;

    /// <inheritdoc/>
    protected override bool GivesUp(int samples) => _options.Search is { GiveUp: true, MinimiseNorm: false };
}
