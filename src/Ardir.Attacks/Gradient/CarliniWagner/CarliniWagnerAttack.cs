using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>
/// The L2 attack of Carlini and Wagner (2017): Adam on the squared L2 norm plus c times a margin term, in tanh space where every point lies
/// in the box, with a binary search for c. It looks for the smallest perturbation and does not use the radius: a point found outside the
/// ball is projected back and is then rarely still adversarial. Costs SearchSteps * Iterations forward and backward passes.
/// </summary>
public sealed class CarliniWagnerAttack : Attack
{
    private const double Beta1 = 0.9;
    private const double Beta2 = 0.999;

    // Keeps atanh finite at black and white.
    private const double Inside = 1 - 1e-6;

    private readonly CarliniWagnerOptions _options;

    /// <summary>Creates the attack.</summary>
    /// <param name="threat">An L2 ball.</param>
    /// <param name="options">Options; 9 values of c with 1000 steps each when null.</param>
    /// <exception cref="ArgumentException">The norm is not L2, or an option is out of range.</exception>
    public CarliniWagnerAttack(ThreatModel threat, CarliniWagnerOptions? options = null) : base(threat)
    {
        OptionGuard.OnlyL2(threat, "The attack of Carlini and Wagner");
        _options = options ?? new CarliniWagnerOptions();
        _options.Validate();
    }

    /// <inheritdoc/>
    public override string Name => "CW";

    /// <inheritdoc/>
    protected override Tensor Search(AttackRun run)
    {
        ArgumentNullException.ThrowIfNull(run);
        var result = run.Images.clone();
        var rows = HostRead.Rows(run.IsAdversarial(run.Logits(run.Images)).logical_not());
        if (rows.numel() == 0) return result;
        run = run.Select(rows).With(new CarliniWagnerLoss(_options.Confidence));
        var precision = run.Images.dtype == ScalarType.Float64 ? ScalarType.Float64 : ScalarType.Float32;
        var found = run.Images.clone();
        var distance = full([run.Count], double.PositiveInfinity, ScalarType.Float64, found.device);
        var search = new WeightSearch(found, _options.InitialConstant, precision);
        var last = found;
        for (var round = 0; round < _options.SearchSteps; round++)
        {
            (last, var succeeded) = Descend(run, search.Weight, found, distance, round);
            search.Learn(succeeded);
        }
        var best = where(PerSample.Of(distance.isfinite(), found), found, last);
        return result.index_copy_(0, rows, best);
    }

    /// <inheritdoc/>
    protected override object? Options => _options;

    private (Tensor Last, Tensor Succeeded) Descend(AttackRun run, Tensor weight, Tensor found, Tensor distance, int round)
    {
        using var scope = NewDisposeScope();
        var images = run.Images.to(weight.dtype);
        var w = images.mul(2).sub_(1).mul_(Inside).atanh_();
        var (mean, square) = (zeros_like(w), zeros_like(w));
        var succeeded = zeros([run.Count], ScalarType.Bool, images.device);
        for (var step = 1; step <= _options.Iterations; step++)
        {
            using var each = NewDisposeScope();
            var tanh = w.tanh();
            var points = Point(tanh, run);
            var here = run.Gradient(points);
            var success = run.IsAdversarial(here.Logits).logical_and_(here.Loss >= 0);
            succeeded.logical_or_(success);
            Keep(run, points, success, found, distance);

            var slope = (points.to(images.dtype) - images).mul_(2)
                .sub_(here.Gradient.to(images.dtype) * weight)
                .mul_((1 - tanh.square()).mul_(0.5));
            mean.mul_(Beta1).add_(slope, alpha: 1 - Beta1);
            square.mul_(Beta2).addcmul_(slope, slope, 1 - Beta2);
            var scale = (square / (1 - Math.Pow(Beta2, step))).sqrt_().add_(1e-8);
            w.addcdiv_(mean, scale, -_options.LearningRate / (1 - Math.Pow(Beta1, step)));
            run.Report(round * _options.Iterations + step, _options.SearchSteps * _options.Iterations, restart: 0);
        }
        return (Point(w.tanh(), run).MoveToOuterDisposeScope(), succeeded.MoveToOuterDisposeScope());
    }

    private static Tensor Point(Tensor tanh, AttackRun run) => tanh.add(1).div_(2).clamp_(0, 1).to(run.Images.dtype);

    private static void Keep(AttackRun run, Tensor points, Tensor success, Tensor found, Tensor distance)
    {
        var length = run.Threat.Distance(run.Images.to(ScalarType.Float64), points.to(ScalarType.Float64));
        var nearer = success.logical_and(length < distance);
        distance.copy_(where(nearer, length, distance));
        found.copy_(where(PerSample.Of(nearer, points), points, found));
    }
}
