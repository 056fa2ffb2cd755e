using System.Globalization;

namespace Ardir.Core;

/// <summary>
/// A norm ball: an adversary may move an input by at most <see cref="ThreatModel.Epsilon"/> in one norm, over all of its values, and stays
/// in the box [0,1]. Created by <see cref="ThreatModel.Linf"/>, <see cref="ThreatModel.L2"/> and <see cref="ThreatModel.L1"/>.
/// </summary>
public sealed class NormThreatModel : ThreatModel
{
    // With the relative one, the feasibility tolerance for float32 rounding. The box has no tolerance.
    private const double AbsoluteTolerance = 1e-7;

    // Larger than the norm of any image, while its square still fits into a float32: larger radii overflow in the attacks and give NaN.
    private const double LargestEpsilon = 1e9;

    internal NormThreatModel(PerturbationNorm norm, double epsilon) : base(Checked(norm, epsilon))
    {
        (Norm, Ball) = (norm, norm switch
        {
            PerturbationNorm.Linf => LinfBall.Instance,
            PerturbationNorm.L2 => L2Ball.Instance,
            _ => L1Ball.Instance,
        });
    }

    /// <summary>The norm that bounds the perturbation.</summary>
    public PerturbationNorm Norm { get; }

    /// <summary>The largest norm that <see cref="ThreatModel.Contains"/> accepts: the radius and a little more, for rounding.</summary>
    /// <value>eps * (1 + 1e-6) + 1e-7.</value>
    public double ToleratedEpsilon => Epsilon * (1 + RelativeTolerance) + AbsoluteTolerance;

    /// <inheritdoc/>
    public override bool StaysOnDevice => Ball.ClampsOnDevice;

    internal NormBall Ball { get; }

    /// <summary>The same norm with another budget.</summary>
    /// <param name="epsilon">Radius, in (0,1] for Linf and in (0,1e9] for L2 and L1.</param>
    /// <returns>The threat model.</returns>
    /// <exception cref="ArgumentOutOfRangeException">Not finite, not positive, above 1 for Linf or above 1e9.</exception>
    public NormThreatModel WithEpsilon(double epsilon) => new(Norm, epsilon);

    /// <summary>The norm of each perturbation.</summary>
    /// <param name="perturbations">Floating point [N,...].</param>
    /// <returns>[N], same dtype and device, owned by the caller.</returns>
    public Tensor Measure(Tensor perturbations)
    {
        TensorGuard.Floating(perturbations);
        using var scope = NewDisposeScope();
        return Ball.Norm(Flat(perturbations)).MoveToOuterDisposeScope();
    }

    /// <summary>The dual norm of each gradient: a perturbation d of norm 1 changes a function with gradient g by at most
    /// <c>MeasureDual(g)</c>, to first order. The sum of absolute values for Linf, the largest one for L1.</summary>
    /// <param name="gradients">Floating point [N,...].</param>
    /// <returns>[N], same dtype and device, owned by the caller.</returns>
    public Tensor MeasureDual(Tensor gradients)
    {
        TensorGuard.Floating(gradients);
        using var scope = NewDisposeScope();
        return Ball.DualNorm(Flat(gradients)).MoveToOuterDisposeScope();
    }

    /// <summary>A random direction of norm 1 for each sample.</summary>
    /// <param name="inputs">Floating point [N,...]; only shape, dtype and device matter.</param>
    /// <param name="streams">One random stream per sample.</param>
    /// <returns>A new tensor like the inputs, owned by the caller.</returns>
    public Tensor RandomDirection(Tensor inputs, SampleStreams streams)
    {
        TensorGuard.Inputs(inputs);
        ArgumentNullException.ThrowIfNull(streams);
        using var scope = NewDisposeScope();
        return Ball.RandomDirection(inputs, streams).MoveToOuterDisposeScope();
    }

    /// <summary>Norm and radius, for example <c>Linf(0.0314)</c>.</summary>
    /// <returns>Text for people and for comparison.</returns>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Norm}({Epsilon:R})");

    /// <inheritdoc/>
    protected override Tensor ProjectCore(Tensor reference, Tensor candidate) => Ball.Project(reference, candidate, Epsilon);

    /// <inheritdoc/>
    protected override Tensor ProjectStepCore(Tensor reference, Tensor candidate) => Ball.BallThenBox(reference, candidate, Epsilon);

    /// <inheritdoc/>
    protected override Tensor ContainsCore(Tensor reference, Tensor candidate)
    {
        var flat = candidate.flatten(1);
        var inBall = Ball.Norm(flat.to(ScalarType.Float64) - reference.flatten(1).to(ScalarType.Float64)) <= ToleratedEpsilon;
        var inBox = (flat >= 0).logical_and(flat <= 1).all(1);
        return inBall.logical_and(inBox);
    }

    /// <inheritdoc/>
    protected override Tensor DistanceCore(Tensor a, Tensor b) => Ball.Norm((a - b).flatten(1));

    /// <inheritdoc/>
    protected override Tensor SteepestAscentCore(Tensor gradient, double? share) =>
        share is { } few ? Ball.SparseAscent(gradient, few) : Ball.Ascent(gradient);

    /// <inheritdoc/>
    protected override Tensor SampleStartCore(Tensor inputs, RandomStart kind, SampleStreams streams) => kind switch
    {
        RandomStart.None => inputs.clone(),
        RandomStart.Uniform => (inputs + Ball.Uniform(inputs, Epsilon, streams)).clamp_(0, 1),
        RandomStart.UniformUnclamped => inputs + Ball.Uniform(inputs, Epsilon, streams),
        RandomStart.RandomRadius => (inputs + Ball.RandomRadius(inputs, Epsilon, streams)).clamp_(0, 1),
        RandomStart.Gaussian => inputs.add(streams.Normal(inputs), alpha: GaussianShare).clamp_(0, 1),
        _ => inputs.add(streams.Normal(inputs), alpha: GaussianShare),
    };

    // Without another view of what is flat already: attacks measure in every step.
    private static Tensor Flat(Tensor values) => values.dim() == 2 ? values : values.flatten(1);

    private static double Checked(PerturbationNorm norm, double epsilon)
    {
        if (!double.IsFinite(epsilon) || epsilon <= 0)
        {
            throw new ArgumentOutOfRangeException(
                nameof(epsilon), epsilon, "Epsilon must be a positive finite number in units of [0,1] pixels, for example 8/255.");
        }
        if (norm == PerturbationNorm.Linf && epsilon > 1)
        {
            throw new ArgumentOutOfRangeException(
                nameof(epsilon),
                epsilon,
                "A Linf epsilon above 1 leaves the pixel box [0,1]. Pixels are in [0,1], not [0,255]: write 8/255.0 for 8.");
        }
        if (epsilon > LargestEpsilon)
        {
            throw new ArgumentOutOfRangeException(
                nameof(epsilon),
                epsilon,
                $"Epsilon must be at most {LargestEpsilon:E0}; the square root of the number of values (L2), or that number (L1), " +
                "already covers the box [0,1].");
        }
        return epsilon;
    }
}
