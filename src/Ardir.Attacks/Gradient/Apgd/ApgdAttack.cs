using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>
/// Auto-PGD (Croce and Hein 2020, "Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free attacks"; for
/// L1, Croce and Hein 2021, "Mind the box"): gradient ascent with momentum that sets its own step size and goes back to the best point
/// when it stalls. A sample leaves the batch at its first success; one that is never broken is returned unchanged and costs a clean
/// forward pass and iterations + 1 forward and backward passes per restart.
/// </summary>
public sealed class ApgdAttack : UnitAttack
{
    private readonly ApgdOptions _options;

    /// <summary>Creates the attack.</summary>
    /// <param name="threat">What may change.</param>
    /// <param name="options">Options; APGD-CE with 100 iterations when null.</param>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    public ApgdAttack(ThreatModel threat, ApgdOptions? options = null) : base(threat)
    {
        _options = options ?? new ApgdOptions();
        _options.Validate();
    }

    /// <inheritdoc/>
    public override string Name =>
        ReferenceEquals(_options.Loss, AttackLoss.CrossEntropy) ? "APGD-CE" : $"APGD-{_options.Loss.Name}";

    /// <inheritdoc/>
    protected override int UnitCount(long classes) => _options.Search.Restarts;

    /// <inheritdoc/>
    protected override long UnitCost(long classes) => ApgdUnit.Cost(_options.Search, Threat);

    /// <inheritdoc/>
    protected override UnitOutcome SearchUnit(AttackRun run, int unit) =>
        ApgdUnit.Search(run.With(_options.Loss), _options.Search, Name, unit);

    /// <inheritdoc/>
    protected override bool AllowsLowPrecision => true;

    /// <inheritdoc/>
    protected override object? Options => _options;
}
