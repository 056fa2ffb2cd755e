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
    /// <param name="threat">What may change.</param>
    /// <param name="options">Options; 5000 queries when null.</param>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    public SquareAttack(ThreatModel threat, SquareOptions? options = null) : base(threat)
    {
        _options = options ?? new SquareOptions();
        _options.Validate();
    }

    /// <inheritdoc/>
    public override string Name => "Square";

    internal override int UnitCount(long classes) => _options.Restarts;

    internal override long UnitCost => _options.Queries + 1L;

    internal override UnitOutcome SearchUnit(AttackRun run, int unit)
    {
        var loss = _options.Loss ?? (run.Targets is null ? AttackLoss.Margin : AttackLoss.CrossEntropy);
        return SquareEngine.Search(run.With(loss), _options, ReferenceEquals(loss, AttackLoss.Margin), Name, unit);
    }

    /// <inheritdoc/>
    protected override object? Options => _options;
}
