using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>
/// Momentum iterative FGSM (Dong et al. 2018, "Boosting adversarial attacks with momentum", Alg. 1): from the clean image, steps along an
/// accumulated gradient to which each step adds the current one, scaled to a mean absolute value of one. Known for adversarial examples
/// that transfer to other models. One forward and one backward pass per step; returns the last point.
/// </summary>
public sealed class MiFgsmAttack : Attack
{
    private readonly MiFgsmOptions _options;
    private readonly double _stepSize;

    /// <summary>Creates the attack.</summary>
    /// <param name="threat">What may change.</param>
    /// <param name="options">Options; those of the paper when null.</param>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    public MiFgsmAttack(ThreatModel threat, MiFgsmOptions? options = null) : base(threat)
    {
        _options = options ?? new MiFgsmOptions();
        _options.Validate();
        _stepSize = _options.StepSize ?? threat.Epsilon / _options.Steps;
    }

    /// <inheritdoc/>
    public override string Name => $"MI-FGSM-{_options.Steps}";

    /// <inheritdoc/>
    public override bool HasFixedPasses => true;

    /// <inheritdoc/>
    protected override Tensor Search(AttackRun run)
    {
        ArgumentNullException.ThrowIfNull(run);
        run = run.With(_options.Loss);
        var points = run.Images.clone();
        // Half precision would lose small gradients in the sum.
        var precise = points.dtype == ScalarType.Float64 ? ScalarType.Float64 : ScalarType.Float32;
        var accumulated = zeros_like(points, precise);
        for (var step = 1; step <= _options.Steps; step++)
        {
            using var each = NewDisposeScope();
            var gradient = run.Gradient(points).Gradient.to(precise);
            var size = gradient.abs().mean(PerSample.Dimensions(gradient), keepdim: true).clamp_min_(1e-30);
            accumulated.mul_(_options.Decay).add_(gradient / size);
            var direction = Threat.SteepestAscent(accumulated).to(points.dtype);
            points.copy_(Threat.ProjectStep(run.Images, points.add(direction, alpha: _stepSize)));
            run.Report(step, _options.Steps, restart: 0);
        }
        return points;
    }

    /// <inheritdoc/>
    protected override bool AllowsLowPrecision => true;

    /// <inheritdoc/>
    protected override object? Options => _options with { StepSize = _stepSize };
}
