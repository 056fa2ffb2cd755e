using System.Runtime.CompilerServices;

namespace Ardir.Core;

/// <summary>
/// What an adversary may do to an input. <see cref="Linf"/>, <see cref="L2"/> and <see cref="L1"/> create norm balls; for anything else (a
/// mask, a patch, another box than [0,1], bounds of their own for each column) derive from this class: <see cref="ProjectCore"/> and
/// <see cref="ToString"/> suffice, and every other operation has a default that follows from them. Inputs have any shape [N,...] with at
/// least two dimensions. Implementations are immutable and may be shared between threads.
/// </summary>
/// <example><code>var threat = ThreatModel.Linf(8 / 255.0);</code></example>
public abstract partial class ThreatModel : IEquatable<ThreatModel>
{
    /// <summary>Creates the base.</summary>
    /// <param name="epsilon">See <see cref="Epsilon"/>; positive and finite.</param>
    /// <param name="minimum">Lowest value of an input; finite. 0 by default.</param>
    /// <param name="maximum">Highest value of an input; finite and above the minimum. 1 by default.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of range.</exception>
    protected ThreatModel(double epsilon, double minimum = 0, double maximum = 1)
    {
        if (!double.IsFinite(epsilon) || epsilon <= 0)
            throw new ArgumentOutOfRangeException(nameof(epsilon), epsilon, "Epsilon must be a positive finite number.");
        if (!double.IsFinite(minimum))
            throw new ArgumentOutOfRangeException(nameof(minimum), minimum, "The lowest value of an input must be finite.");
        if (!double.IsFinite(maximum) || maximum <= minimum)
            throw new ArgumentOutOfRangeException(
                nameof(maximum), maximum, $"The highest value of an input must be finite and above the lowest, {minimum:R}.");
        (Epsilon, Minimum, Maximum) = (epsilon, minimum, maximum);
    }

    /// <summary>The length that step sizes are shares of, greater than 0, in the units of the inputs: the radius of a norm ball. In a
    /// threat model of another kind, how far a step along <see cref="SteepestAscent(Tensor)"/> may usefully go; for a patch that may hold
    /// anything this is the width of the box.</summary>
    public double Epsilon { get; }

    /// <summary>The lowest value that an input may have.</summary>
    /// <value>0 by default.</value>
    public double Minimum { get; }

    /// <summary>The highest value that an input may have.</summary>
    /// <value>1 by default.</value>
    public double Maximum { get; }

    /// <summary>Whether <see cref="ProjectStep"/> reads no value of a tensor on the host, for which a GPU would have to be waited
    /// for.</summary>
    /// <value>false by default.</value>
    public virtual bool StaysOnDevice => false;

    /// <summary>Every value may change by at most <paramref name="epsilon"/>.</summary>
    /// <param name="epsilon">Radius in (0,1]; 8/255 is the usual budget on CIFAR-10.</param>
    /// <returns>The threat model.</returns>
    /// <exception cref="ArgumentOutOfRangeException">Not finite, not positive or above 1.</exception>
    public static NormThreatModel Linf(double epsilon) => new(PerturbationNorm.Linf, epsilon);

    /// <summary>The Euclidean norm of the change is at most <paramref name="epsilon"/>.</summary>
    /// <param name="epsilon">Radius in (0,1e9]; 0.5 is the usual budget on CIFAR-10.</param>
    /// <returns>The threat model.</returns>
    /// <exception cref="ArgumentOutOfRangeException">Not finite, not positive or above 1e9.</exception>
    public static NormThreatModel L2(double epsilon) => new(PerturbationNorm.L2, epsilon);

    /// <summary>The absolute changes sum to at most <paramref name="epsilon"/>.</summary>
    /// <param name="epsilon">Radius in (0,1e9]; 12 is the usual budget on CIFAR-10.</param>
    /// <returns>The threat model.</returns>
    /// <exception cref="ArgumentOutOfRangeException">Not finite, not positive or above 1e9.</exception>
    public static NormThreatModel L1(double epsilon) => new(PerturbationNorm.L1, epsilon);

    /// <summary>Refuses inputs that this threat model does not describe. Reads two values on the host.</summary>
    /// <param name="inputs">Floating point [N,...] with at least two dimensions and one sample.</param>
    /// <param name="name">The argument that an exception names.</param>
    /// <param name="known">Nothing is read for the inputs of this batch; null when none was checked before.</param>
    /// <exception cref="ArgumentException">Wrong dtype or shape, an empty batch, NaN, or a value outside of the box; up to one millionth of
    /// its width is rounding and is accepted.</exception>
    public void CheckInputs(
        Tensor inputs, [CallerArgumentExpression(nameof(inputs))] string name = "", CheckedBatch? known = null)
    {
        TensorGuard.Inputs(inputs, name);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        CheckInputsCore(inputs, name, known is not null && known.HasImages(inputs, Minimum, Maximum));
    }

    /// <summary>The inputs with every value moved into the box.</summary>
    /// <param name="inputs">[N,...].</param>
    /// <returns>A new tensor like the inputs, owned by the caller.</returns>
    public Tensor Clamp(Tensor inputs)
    {
        TensorGuard.Dense(inputs);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return Owned(ClampCore(Lent(inputs)), inputs).MoveToOuterDisposeScope();
    }

    /// <summary>The nearest point (Euclidean) to <paramref name="candidate"/> that an adversary may reach from
    /// <paramref name="reference"/>, sample by sample. Exact; points already inside come back unchanged.</summary>
    /// <param name="reference">Clean inputs, floating point [N,...], values in the box.</param>
    /// <param name="candidate">Points to project, same shape, dtype and device.</param>
    /// <param name="checkValues">Whether to refuse NaN and infinite values, which reads two values on the host. false is for attacks, whose
    /// points are known to be finite.</param>
    /// <returns>A new tensor of the same shape, dtype and device, owned by the caller. No gradient flows through it.</returns>
    /// <exception cref="ArgumentException">Shapes, dtypes or devices differ, or a value is NaN or infinite.</exception>
    public Tensor Project(Tensor reference, Tensor candidate, bool checkValues = true)
    {
        TensorGuard.SameKind(reference, candidate);
        if (checkValues)
        {
            TensorGuard.Finite(reference);
            TensorGuard.Finite(candidate);
        }
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return Owned(ProjectCore(Lent(reference), Lent(candidate)), reference).MoveToOuterDisposeScope();
    }

    /// <summary>A point that an adversary may reach from <paramref name="reference"/>, not far from <paramref name="candidate"/>, and cheap
    /// to compute: what an attack applies after each step. For L2 this is the ball and then the box; for other norms it is
    /// <see cref="Project"/>.</summary>
    /// <param name="reference">Clean inputs, floating point [N,...], values in the box.</param>
    /// <param name="candidate">Points to bring back, same shape, dtype and device; finite, which is not checked.</param>
    /// <returns>A new tensor of the same shape, dtype and device, owned by the caller. No gradient flows through it.</returns>
    /// <exception cref="ArgumentException">Shapes, dtypes or devices differ.</exception>
    public Tensor ProjectStep(Tensor reference, Tensor candidate)
    {
        TensorGuard.SameKind(reference, candidate);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return Owned(ProjectStepCore(Lent(reference), Lent(candidate)), reference).MoveToOuterDisposeScope();
    }

    /// <summary>How far each sample of <paramref name="a"/> is from <paramref name="b"/>: the norm of <c>a - b</c> for a norm ball, the
    /// largest absolute difference for a threat model that defines nothing else.</summary>
    /// <param name="a">Floating point [N,...].</param>
    /// <param name="b">Same shape, dtype and device.</param>
    /// <returns>[N], same dtype and device, owned by the caller.</returns>
    /// <exception cref="ArgumentException">Shapes, dtypes or devices differ.</exception>
    public Tensor Distance(Tensor a, Tensor b)
    {
        TensorGuard.SameKind(a, b, nameof(a), nameof(b));
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return OfSamples(DistanceCore(Lent(a), Lent(b)), a.dtype, a);
    }

    /// <summary>Whether an adversary may turn each sample of <paramref name="reference"/> into that of <paramref name="candidate"/>, up to
    /// rounding. For a norm ball the radius is eps*(1+1e-6)+1e-7 and the box is exact.</summary>
    /// <param name="reference">Clean inputs, floating point [N,...].</param>
    /// <param name="candidate">Points to test, same shape, dtype and device. NaN is outside.</param>
    /// <returns>bool [N], same device, owned by the caller.</returns>
    /// <exception cref="ArgumentException">Shapes, dtypes or devices differ.</exception>
    public Tensor Contains(Tensor reference, Tensor candidate)
    {
        TensorGuard.SameKind(reference, candidate);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return OfSamples(ContainsCore(Lent(reference), Lent(candidate)), ScalarType.Bool, reference);
    }

    /// <summary>The direction of steepest ascent, which a step multiplies by its size: the sign of the gradient for Linf, the gradient
    /// scaled to a norm of 1 for L2 and L1.</summary>
    /// <param name="gradient">Floating point [N,...].</param>
    /// <returns>A new tensor like the gradient, owned by the caller.</returns>
    public Tensor SteepestAscent(Tensor gradient) => Ascent(gradient, null);

    /// <summary>As <see cref="SteepestAscent(Tensor)"/>, along few values where that is better: for L1 the signs of the largest gradients,
    /// scaled to a norm of 1 (sparse L1 descent, Tramer and Boneh 2019). The other norms ignore the share.</summary>
    /// <param name="gradient">Floating point [N,...].</param>
    /// <param name="share">The share of the values that move, in (0,1].</param>
    /// <returns>A new tensor like the gradient, owned by the caller.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The share is not in (0,1].</exception>
    public Tensor SteepestAscent(Tensor gradient, double share)
    {
        if (!(share > 0 && share <= 1))
            throw new ArgumentOutOfRangeException(nameof(share), share, "The share of values that move must be in (0,1].");
        return Ascent(gradient, share);
    }

    /// <summary>Random starting points around <paramref name="inputs"/>, one random stream per sample.</summary>
    /// <param name="inputs">Floating point [N,...], values in the box.</param>
    /// <param name="kind">One of the published conventions.</param>
    /// <param name="seed">Root seed.</param>
    /// <param name="sampleIndices">The index of each sample in its data set ([N]; 0..N-1 when null), so that a sample gets the same noise
    /// in any batch.</param>
    /// <returns>A new tensor like <paramref name="inputs"/>, owned by the caller. The unclamped kinds may leave the box of a norm
    /// ball.</returns>
    /// <exception cref="ArgumentException">Wrong dtype or rank, or not N indices.</exception>
    public Tensor SampleStart(Tensor inputs, RandomStart kind, ulong seed, IReadOnlyList<long>? sampleIndices = null)
    {
        TensorGuard.Inputs(inputs);
        return SampleStart(inputs, kind, SampleStreams.ForSamples(seed, sampleIndices, checked((int)inputs.shape[0])));
    }

    /// <summary>As the other overload, with your own streams.</summary>
    /// <param name="inputs">Floating point [N,...], values in the box.</param>
    /// <param name="kind">One of the published conventions.</param>
    /// <param name="streams">One stream for each of the N samples.</param>
    /// <returns>A new tensor like <paramref name="inputs"/>, owned by the caller.</returns>
    /// <exception cref="ArgumentException">Wrong dtype or rank, or an unknown kind.</exception>
    public Tensor SampleStart(Tensor inputs, RandomStart kind, SampleStreams streams)
    {
        TensorGuard.Inputs(inputs);
        ArgumentNullException.ThrowIfNull(streams);
        if (!Enum.IsDefined(kind)) throw new ArgumentOutOfRangeException(nameof(kind), kind, "Unknown random start.");
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return Owned(SampleStartCore(Lent(inputs), kind, streams), inputs).MoveToOuterDisposeScope();
    }

    // A hook outside of this library may dispose its arguments, which belong to its caller, so it gets tensors of its own with the same
    // values.
    private Tensor Lent(Tensor argument) => this is NormThreatModel && !argument.requires_grad ? argument : argument.detach();

    private Tensor OfSamples(Tensor result, ScalarType dtype, Tensor inputs)
    {
        if (this is not NormThreatModel) Check(result, dtype, inputs, inputs.shape[0]);
        return result.MoveToOuterDisposeScope();
    }

    private Tensor Ascent(Tensor gradient, double? share)
    {
        TensorGuard.Floating(gradient);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return Owned(SteepestAscentCore(Lent(gradient), share), gradient).MoveToOuterDisposeScope();
    }

    /// <summary>What a hook returned, as a tensor of its own. A hook outside of this library may return its argument, a view of it or a
    /// tensor that it keeps, which a caller would then overwrite or dispose, or another dtype because of its mask's.</summary>
    private Tensor Owned(Tensor result, Tensor argument)
    {
        if (this is NormThreatModel) return result;
        Check(result, argument.dtype, argument);
        return result.clone();
    }

    private void Check(Tensor? result, ScalarType dtype, Tensor like, params ReadOnlySpan<long> shape)
    {
        if (shape.IsEmpty) shape = like.shape;
        if (result is { IsInvalid: false } && result.dtype == dtype && result.shape.AsSpan().SequenceEqual(shape)
            && TensorGuard.AreOnSameDevice(result, like))
            return;
        var returned = result is null ? "null"
            : result.IsInvalid ? "a tensor that has been disposed"
            : $"{result.dtype} {TensorGuard.Shape(result)} on {result.device}";
        throw new InvalidOperationException(
            $"A hook of the threat model {GetType()} returned {returned}; expected {dtype} [{string.Join(",", shape.ToArray())}] on " +
            $"{like.device}. Convert masks and bounds with .to(reference.dtype) and .to(reference.device).");
    }
}
