using System.Globalization;

namespace Ardir.Core;

/// <summary>
/// What an adversary may do to an image: move it by at most <see cref="Epsilon"/> in one norm and stay inside the box [0,1].
/// Immutable; all norms are in pixel units of [0,1].
/// </summary>
/// <example><code>var threat = ThreatModel.Linf(8 / 255.0);</code></example>
public sealed record ThreatModel
{
    // Feasibility tolerance for float32 rounding: |delta| <= eps * (1 + Relative) + Absolute. The box has no tolerance.
    private const double RelativeTolerance = 1e-6;
    private const double AbsoluteTolerance = 1e-7;

    // Larger than the norm of any image, while its square still fits into a float32: larger radii overflow in the attacks and give NaN.
    private const double LargestEpsilon = 1e9;

    private ThreatModel(PerturbationNorm norm, double epsilon, NormBall ball)
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
        (Norm, Epsilon, Ball) = (norm, epsilon, ball);
    }

    /// <summary>The norm that bounds the perturbation.</summary>
    public PerturbationNorm Norm { get; }

    /// <summary>The radius of the ball, greater than 0, in units of [0,1] pixels.</summary>
    public double Epsilon { get; }

    internal NormBall Ball { get; }

    /// <summary>Every pixel value may change by at most <paramref name="epsilon"/>.</summary>
    /// <param name="epsilon">Radius in (0,1]; 8/255 is the usual budget on CIFAR-10.</param>
    /// <returns>The threat model.</returns>
    /// <exception cref="ArgumentOutOfRangeException">Not finite, not positive or above 1.</exception>
    public static ThreatModel Linf(double epsilon) => new(PerturbationNorm.Linf, epsilon, LinfBall.Instance);

    /// <summary>The Euclidean norm of the change is at most <paramref name="epsilon"/>.</summary>
    /// <param name="epsilon">Radius in (0,1e9]; 0.5 is the usual budget on CIFAR-10.</param>
    /// <returns>The threat model.</returns>
    /// <exception cref="ArgumentOutOfRangeException">Not finite, not positive or above 1e9.</exception>
    public static ThreatModel L2(double epsilon) => new(PerturbationNorm.L2, epsilon, L2Ball.Instance);

    /// <summary>The absolute changes sum to at most <paramref name="epsilon"/>.</summary>
    /// <param name="epsilon">Radius in (0,1e9]; 12 is the usual budget on CIFAR-10.</param>
    /// <returns>The threat model.</returns>
    /// <exception cref="ArgumentOutOfRangeException">Not finite, not positive or above 1e9.</exception>
    public static ThreatModel L1(double epsilon) => new(PerturbationNorm.L1, epsilon, L1Ball.Instance);

    /// <summary>The same norm with another budget.</summary>
    /// <param name="epsilon">Radius, in (0,1] for Linf and in (0,1e9] for L2 and L1.</param>
    /// <returns>The threat model.</returns>
    /// <exception cref="ArgumentOutOfRangeException">Not finite, not positive, above 1 for Linf or above 1e9.</exception>
    public ThreatModel WithEpsilon(double epsilon) => new(Norm, epsilon, Ball);

    /// <summary>
    /// The nearest point (Euclidean) to <paramref name="candidate"/> that lies in the ball around <paramref name="reference"/> and in the
    /// box [0,1], sample by sample. Exact for all three norms; points already inside come back unchanged.
    /// </summary>
    /// <param name="reference">Centres, floating point [N,C,H,W], values in [0,1].</param>
    /// <param name="candidate">Points to project, same shape, dtype and device.</param>
    /// <returns>A new tensor of the same shape, dtype and device, owned by the caller. No gradient flows through it.</returns>
    /// <exception cref="ArgumentException">Shapes, dtypes or devices differ, or a value is NaN or infinite.</exception>
    public Tensor Project(Tensor reference, Tensor candidate)
    {
        TensorGuard.SameKind(reference, candidate);
        TensorGuard.Finite(reference);
        TensorGuard.Finite(candidate);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return Ball.Project(reference.detach(), candidate.detach(), Epsilon).MoveToOuterDisposeScope();
    }

    /// <summary>The norm of <c>a - b</c> for each sample.</summary>
    /// <param name="a">Floating point [N,C,H,W].</param>
    /// <param name="b">Same shape, dtype and device.</param>
    /// <returns>[N], same dtype and device, owned by the caller.</returns>
    /// <exception cref="ArgumentException">Shapes, dtypes or devices differ.</exception>
    public Tensor Distance(Tensor a, Tensor b)
    {
        TensorGuard.SameKind(a, b, nameof(a), nameof(b));
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return Ball.Norm((a - b).flatten(1)).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Whether each sample of <paramref name="candidate"/> lies in the ball (radius eps*(1+1e-6)+1e-7, for float32 rounding) and in [0,1]
    /// (exactly).
    /// </summary>
    /// <param name="reference">Centres, floating point [N,C,H,W].</param>
    /// <param name="candidate">Points to test, same shape, dtype and device. NaN is outside.</param>
    /// <returns>bool [N], same device, owned by the caller.</returns>
    /// <exception cref="ArgumentException">Shapes, dtypes or devices differ.</exception>
    public Tensor Contains(Tensor reference, Tensor candidate)
    {
        TensorGuard.SameKind(reference, candidate);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var flat = candidate.flatten(1);
        var inBall = Ball.Norm(flat.to(ScalarType.Float64) - reference.flatten(1).to(ScalarType.Float64)) <= Tolerated;
        var inBox = (flat >= 0).logical_and(flat <= 1).all(1);
        return inBall.logical_and(inBox).MoveToOuterDisposeScope();
    }

    /// <summary>Random starting points in the threat set around <paramref name="images"/>, one random stream per sample.</summary>
    /// <param name="images">Floating point [N,C,H,W] in [0,1].</param>
    /// <param name="kind">One of the published conventions.</param>
    /// <param name="seed">Root seed.</param>
    /// <param name="sampleIndices">The index of each sample in its data set ([N]; 0..N-1 when null), so that a sample gets the same noise
    /// in any batch.</param>
    /// <returns>A new tensor like <paramref name="images"/>, owned by the caller. The unclamped kinds may leave [0,1].</returns>
    /// <exception cref="ArgumentException">Wrong dtype or rank, or not N indices.</exception>
    public Tensor SampleStart(Tensor images, RandomStart kind, ulong seed, IReadOnlyList<long>? sampleIndices = null)
    {
        TensorGuard.Images(images);
        if (!Enum.IsDefined(kind)) throw new ArgumentOutOfRangeException(nameof(kind), kind, "Unknown random start.");
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var streams = SampleStreams.ForSamples(seed, sampleIndices, checked((int)images.shape[0]));
        return Start(images.detach(), kind, streams).MoveToOuterDisposeScope();
    }

    internal Tensor Start(Tensor images, RandomStart kind, SampleStreams streams) => kind switch
    {
        RandomStart.None => images.clone(),
        RandomStart.Uniform => (images + Ball.Uniform(images, Epsilon, streams)).clamp_(0, 1),
        RandomStart.UniformUnclamped => images + Ball.Uniform(images, Epsilon, streams),
        RandomStart.RandomRadius => (images + Ball.RandomRadius(images, Epsilon, streams)).clamp_(0, 1),
        RandomStart.Gaussian => images.add(streams.Normal(images), alpha: 0.001).clamp_(0, 1),
        _ => images.add(streams.Normal(images), alpha: 0.001),
    };

    internal double Tolerated => Epsilon * (1 + RelativeTolerance) + AbsoluteTolerance;

    /// <summary>Human-readable text, for example <c>Linf(0.0314)</c>.</summary>
    /// <returns>Norm and radius.</returns>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Norm}({Epsilon:R})");
}
