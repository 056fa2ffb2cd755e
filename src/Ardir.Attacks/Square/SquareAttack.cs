using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>
/// Square attack (Andriushchenko et al. 2020): random search over square windows that needs no gradient, so it also evaluates models
/// that mask their gradients. Windows and signs are drawn for each sample, as in the paper's own code, so results do not depend on the
/// batch. A sample leaves with its first success; one that resists costs <see cref="SquareOptions.Queries"/> forward passes and one on the
/// clean image.
/// The L1 form is that of AutoAttack (Croce and Hein 2021).
/// </summary>
public sealed class SquareAttack : UnitAttack
{
    private readonly SquareOptions _options;

    /// <summary>Creates the attack.</summary>
    /// <param name="threat">A norm ball.</param>
    /// <param name="options">Options; 5000 queries when null.</param>
    /// <exception cref="ArgumentException">The threat model is no norm ball, or an option is out of range.</exception>
    public SquareAttack(ThreatModel threat, SquareOptions? options = null) : base(threat)
    {
        OptionGuard.NormBall(threat, Name);
        _options = options ?? new SquareOptions();
        _options.Validate();
    }

    /// <inheritdoc/>
    public override string Name => "Square";

    /// <inheritdoc/>
    protected override int UnitCount(long classes) => _options.Restarts;

    /// <inheritdoc/>
    protected override long UnitCost(long classes) => _options.Queries + 1L;

    /// <inheritdoc/>
    protected override UnitOutcome SearchUnit(AttackRun run, int unit)
    {
        var loss = _options.Loss ?? (run.Targets is null ? AttackLoss.Margin : AttackLoss.CrossEntropy);
        return SquareEngine.Search(run.With(loss), _options, ReferenceEquals(loss, AttackLoss.Margin), Name, unit);
    }

    /// <inheritdoc/>
    protected override object? Options => _options;

    /// <inheritdoc/>
    protected override bool GivesUp(int samples) => _options.GiveUp && samples == 1 &&
        (_options.Loss is null || ReferenceEquals(_options.Loss, AttackLoss.Margin));

    /// <inheritdoc/>
    protected override void CheckShape(Tensor images)
    {
        TensorGuard.Dense(images);
        if (images.dim() == 4) return;
        throw new ArgumentException(
            $"images has shape {TensorGuard.Shape(images)}; the windows of Square need images, [N,C,H,W]. Leave Square out " +
            "(AutoAttackVersion.Custom), or pass a table as [N,1,1,F] to a model that takes it so.",
            nameof(images));
    }
}
