using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>
/// DeepFool (Moosavi-Dezfooli et al. 2016), L2: steps onto the nearest linearised decision boundary until the class changes. It looks for
/// the smallest perturbation and does not use the radius: a point found outside the ball is projected back and is then rarely still
/// adversarial, so its success rate is roughly the share of images with a boundary inside the ball. Points are kept in the box, unlike in
/// the paper. Untargeted.
/// </summary>
public sealed class DeepFoolAttack : Attack
{
    private readonly DeepFoolOptions _options;

    /// <summary>Creates the attack.</summary>
    /// <param name="threat">An L2 ball.</param>
    /// <param name="options">Options; those of the paper when null.</param>
    /// <exception cref="ArgumentException">The norm is not L2, or an option is out of range.</exception>
    public DeepFoolAttack(ThreatModel threat, DeepFoolOptions? options = null) : base(threat)
    {
        OptionGuard.OnlyL2(threat, "DeepFool");
        _options = options ?? new DeepFoolOptions();
        _options.Validate();
    }

    /// <inheritdoc/>
    public override string Name => "DeepFool";

    /// <inheritdoc/>
    protected override Tensor Search(AttackRun run)
    {
        ArgumentNullException.ThrowIfNull(run);
        if (run.Targets is not null)
        {
            throw new InvalidOperationException(
                "DeepFool has no targeted form, but context.Targets is set. Use FabAttack or PgdAttack.");
        }
        var clean = run.Logits(run.Images);
        var result = run.Images.clone();
        var rows = HostRead.Rows(run.IsAdversarial(clean).logical_not());
        if (rows.numel() == 0) return result;
        run = run.Select(rows);
        var candidates = Candidates(clean.index_select(0, rows), run.Labels);
        var moved = zeros_like(run.Images, dtype: Precise(run.Images));
        var left = rows;
        for (var iteration = 1; iteration <= _options.Iterations && left.numel() > 0; iteration++)
        {
            using var scope = NewDisposeScope();
            var points = Point(run, moved);
            var plane = FabPlane.Nearest(run, points, candidates);
            run.Report(iteration, _options.Iterations, restart: 0);
            var stay = HostRead.Rows(run.IsAdversarial(plane.Logits).logical_not());
            result.index_copy_(0, left, points);
            if (stay.numel() == 0) return result;
            var (value, normal) = (PerSample.Of(plane.Value.to(moved.dtype), moved), plane.Normal.to(moved.dtype));
            var square = normal.square().sum(PerSample.Dimensions(normal), true).clamp_min_(1e-30);
            var next = moved + normal * (value.abs() / square);
            left = left[stay].MoveToOuterDisposeScope();
            candidates = candidates[stay].MoveToOuterDisposeScope();
            moved = next[stay].MoveToOuterDisposeScope();
            run = run.Narrow(stay);
        }
        return result.index_copy_(0, left, Point(run, moved));
    }

    /// <inheritdoc/>
    protected override bool CanAverageGradients => false;

    /// <inheritdoc/>
    protected override object? Options => _options;

    private static ScalarType Precise(Tensor images) => images.dtype == ScalarType.Float64 ? ScalarType.Float64 : ScalarType.Float32;

    private Tensor Point(AttackRun run, Tensor moved) =>
        run.Images.to(moved.dtype).add(moved, alpha: 1 + _options.Overshoot).clamp_(0, 1).to(run.Images.dtype);

    private Tensor Candidates(Tensor logits, Tensor labels)
    {
        var count = (int)Math.Min(_options.Classes, logits.shape[1]) - 1;
        return stack(Enumerable.Range(0, count).Select(place => TargetClasses.ByRank(logits, labels, place)), 1);
    }
}
