using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>
/// Fast gradient sign method (Goodfellow et al. 2015, Eq. 1): one step of size epsilon along the sign of the gradient (L2, L1: along
/// the gradient scaled to that norm), then a projection onto ball and box. One forward and one backward pass.
/// </summary>
public sealed class FgsmAttack : Attack
{
    private readonly FgsmOptions _options;

    /// <summary>Creates the attack.</summary>
    /// <param name="threat">What may change.</param>
    /// <param name="options">Options; the original attack when null.</param>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    public FgsmAttack(ThreatModel threat, FgsmOptions? options = null) : base(threat)
    {
        _options = options ?? new FgsmOptions();
        _options.Validate();
    }

    /// <inheritdoc/>
    public override string Name => "FGSM";

    /// <inheritdoc/>
    public override bool HasFixedPasses => true;

    /// <inheritdoc/>
    protected override Tensor Search(AttackRun run)
    {
        ArgumentNullException.ThrowIfNull(run);
        run = run.With(_options.Loss);
        var start = run.Start(_options.Start, restart: 0);
        var direction = Threat.SteepestAscent(run.Gradient(start).Gradient);
        var moved = start.add(direction, alpha: _options.StepSize ?? Threat.Epsilon);
        run.Report(1, 1, 0);
        return Threat.ProjectStep(run.Images, moved);
    }

    /// <inheritdoc/>
    protected override string StreamKey => "FgsmAttack";

    /// <inheritdoc/>
    protected override bool AllowsLowPrecision => true;

    /// <inheritdoc/>
    protected override object? Options => _options;
}
