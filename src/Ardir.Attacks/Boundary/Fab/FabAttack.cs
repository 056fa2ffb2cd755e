using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>
/// FAB (Croce and Hein 2020, "Minimally distorted adversarial examples with a fast adaptive boundary attack"): walks along the nearest
/// linearised decision boundary and keeps the adversarial point that is nearest to the image; an image counts as broken if that point lies
/// in the ball. Needs the gradients of all logits, one backward pass per wrong class; with many classes use
/// <see cref="TargetedFabAttack"/>. With <see cref="AttackContext.Targets"/> it follows only the boundary of the target.
/// </summary>
public sealed class FabAttack : UnitAttack
{
    private readonly FabOptions _options;

    /// <summary>Creates the attack.</summary>
    /// <param name="threat">A norm ball.</param>
    /// <param name="options">Options; 100 iterations when null.</param>
    /// <exception cref="ArgumentException">The threat model is no norm ball, or an option is out of range.</exception>
    public FabAttack(ThreatModel threat, FabOptions? options = null) : base(threat)
    {
        OptionGuard.NormBall(threat, Name);
        _options = options ?? new FabOptions();
        _options.Validate();
    }

    /// <inheritdoc/>
    public override string Name => "FAB";

    /// <inheritdoc/>
    protected override int UnitCount(long classes) => _options.Restarts;

    /// <inheritdoc/>
    // Each iteration is one forward pass and a backward pass for each wrong class.
    protected override long UnitCost(long classes) => classes * _options.Iterations;

    /// <inheritdoc/>
    protected override UnitOutcome SearchUnit(AttackRun run, int unit)
    {
        var stage = new FabUnit(Name, unit, unit);
        return run.Targets is null
            ? FabEngine.Search(run, _options, NearestWrong, stage)
            : FabEngine.Search(run.With(AttackLoss.Margin), _options, FabPlane.OfLoss, stage);
    }

    /// <inheritdoc/>
    protected override bool CanAverageGradients => false;

    /// <inheritdoc/>
    protected override object? Options => _options;

    /// <inheritdoc/>
    protected override bool GivesUp(int samples) => _options is { GiveUp: true, MinimiseNorm: false };

    private static FabPlane NearestWrong(AttackRun run, Tensor points)
    {
        using var scope = NewDisposeScope();
        var classes = run.CleanLogits.shape[1];
        // y+1, y+2, ... modulo K: every class but the label.
        var plane = FabPlane.Nearest(run, points, (run.Labels.unsqueeze(1) + arange(1, classes, device: points.device)).remainder(classes));
        return new FabPlane(
            plane.Logits.MoveToOuterDisposeScope(), plane.Value.MoveToOuterDisposeScope(), plane.Normal.MoveToOuterDisposeScope());
    }
}
