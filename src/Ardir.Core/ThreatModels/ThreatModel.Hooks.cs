namespace Ardir.Core;

/// <content>What your own threat model defines. The hooks run under no_grad and inside a dispose scope, so the tensors that they
/// create need no disposal; arguments are checked before and must not be changed in place.</content>
public abstract partial class ThreatModel
{
    private protected const double RelativeTolerance = 1e-6;
    private protected const double GaussianShare = 0.001;

    /// <summary>The identity of the threat model: its kind and every value on which it depends, for example <c>Linf(0.0314)</c>. Two threat
    /// models of one class are equal if their texts are, and a run resumes only if they are. For tensors use <see cref="Hash"/>, once, in
    /// the constructor.</summary>
    /// <returns>The text, independent of the current culture.</returns>
    public abstract override string ToString();

    /// <summary>Whether both are of the same class and have the same identity.</summary>
    /// <param name="other">Another threat model; null is different.</param>
    /// <returns>Equality.</returns>
    public bool Equals(ThreatModel? other) => other is not null && GetType() == other.GetType() && ToString() == other.ToString();

    /// <inheritdoc/>
    public sealed override bool Equals(object? obj) => Equals(obj as ThreatModel);

    /// <inheritdoc/>
    public sealed override int GetHashCode() => ToString().GetHashCode(StringComparison.Ordinal);

    /// <summary>Whether both are of the same class and have the same identity.</summary>
    /// <param name="left">May be null.</param>
    /// <param name="right">May be null.</param>
    /// <returns>Equality.</returns>
    public static bool operator ==(ThreatModel? left, ThreatModel? right) => left is null ? right is null : left.Equals(right);

    /// <summary>Whether the two differ in class or identity.</summary>
    /// <param name="left">May be null.</param>
    /// <param name="right">May be null.</param>
    /// <returns>Inequality.</returns>
    public static bool operator !=(ThreatModel? left, ThreatModel? right) => !(left == right);

    /// <summary>The nearest point (Euclidean) to each candidate that an adversary may reach, box included. A point already inside must come
    /// back unchanged, and a sample's result must not depend on the others in its batch.</summary>
    /// <param name="reference">Clean inputs, [N,...].</param>
    /// <param name="candidate">Same shape, dtype and device. The dtype may be float64 where the inputs are float32, because
    /// <see cref="Contains"/> computes with more digits.</param>
    /// <returns>A new tensor of the same shape, dtype and device.</returns>
    protected abstract Tensor ProjectCore(Tensor reference, Tensor candidate);

    /// <summary>A point that an adversary may reach, cheaper than that of <see cref="ProjectCore"/>.</summary>
    /// <param name="reference">Clean inputs, [N,...].</param>
    /// <param name="candidate">Same shape, dtype and device.</param>
    /// <returns>A new tensor of the same shape, dtype and device. <see cref="ProjectCore"/> by default.</returns>
    protected virtual Tensor ProjectStepCore(Tensor reference, Tensor candidate) => ProjectCore(reference, candidate);

    /// <summary>Refuses inputs for which the threat model is not made, such as images of another size than its mask. Their dtype is a
    /// floating-point one and their shape is [N,...]. The default refuses values outside of <see cref="Minimum"/> and
    /// <see cref="Maximum"/>.</summary>
    /// <param name="inputs">[N,...].</param>
    /// <param name="name">The argument that an <see cref="ArgumentException"/> must name.</param>
    /// <param name="inBounds">Whether all values are known to lie between <see cref="Minimum"/> and <see cref="Maximum"/>, so that they
    /// need not be read, for which a GPU would have to be waited for.</param>
    protected virtual void CheckInputsCore(Tensor inputs, string name, bool inBounds)
    {
        if (!inBounds) TensorGuard.Between(inputs, Minimum, Maximum, name);
    }

    /// <summary>Moves every value into the box. The default is [<see cref="Minimum"/>, <see cref="Maximum"/>].</summary>
    /// <param name="inputs">[N,...].</param>
    /// <returns>A new tensor like the inputs. Values inside are unchanged.</returns>
    protected virtual Tensor ClampCore(Tensor inputs) => inputs.clamp(Minimum, Maximum);

    /// <summary>Whether each candidate can be reached. By default, whether the projection moves no value by more than rounding (one
    /// millionth of epsilon, and half a digit of the dtype for epsilon and each of the two values), and <see cref="ClampCore"/> none at
    /// all.</summary>
    /// <param name="reference">Clean inputs, [N,...].</param>
    /// <param name="candidate">Same shape, dtype and device. NaN must be outside.</param>
    /// <returns>bool [N].</returns>
    protected virtual Tensor ContainsCore(Tensor reference, Tensor candidate)
    {
        var (x, precise) = (reference.to(ScalarType.Float64), candidate.to(ScalarType.Float64));
        // Copies, because a projection that works in place would compare its result with itself and accept every point.
        var beyond = (ProjectCore(x.clone(), precise.clone()) - precise).abs();
        var rounding = (x.abs() + precise.abs() + Epsilon).mul_(Digit(candidate.dtype) / 2).add_(Epsilon * RelativeTolerance);
        var inBox = candidate == ClampCore(candidate);
        return (beyond <= rounding).logical_and_(inBox).flatten(1).all(1);
    }

    /// <summary>How far the samples are from each other; by default the largest absolute difference.</summary>
    /// <param name="a">[N,...].</param>
    /// <param name="b">Same shape, dtype and device.</param>
    /// <returns>[N].</returns>
    protected virtual Tensor DistanceCore(Tensor a, Tensor b) => (a - b).abs().flatten(1).amax(new long[] { 1 });

    /// <summary>The direction that a step multiplies by its size. By default the sign of the gradient, so that every value moves by the
    /// step size; the projection takes back what is not allowed.</summary>
    /// <param name="gradient">[N,...].</param>
    /// <param name="share">The share of the values that should move, in (0,1]; null for all. May be ignored.</param>
    /// <returns>A new tensor like the gradient.</returns>
    protected virtual Tensor SteepestAscentCore(Tensor gradient, double? share) => gradient.sign();

    /// <summary>Random starting points. By default uniform noise up to <see cref="Epsilon"/> (Gaussian noise of a thousandth of the box for
    /// the Gaussian kinds), projected by <see cref="ProjectStepCore"/>; the unclamped kinds are projected, too, because only the threat
    /// model knows which values must stay.</summary>
    /// <param name="inputs">[N,...].</param>
    /// <param name="kind">One of the published conventions.</param>
    /// <param name="streams">One random stream per sample; the only source of random numbers.</param>
    /// <returns>A new tensor like the inputs.</returns>
    protected virtual Tensor SampleStartCore(Tensor inputs, RandomStart kind, SampleStreams streams)
    {
        if (kind == RandomStart.None) return inputs.clone();
        var noise = kind switch
        {
            RandomStart.Uniform or RandomStart.UniformUnclamped => streams.Uniform(inputs, -Epsilon, Epsilon),
            RandomStart.RandomRadius => streams.Uniform(inputs, -1, 1) *
                PerSample.Of(streams.UniformPerSample(inputs, 0, Epsilon), inputs),
            _ => streams.Normal(inputs).mul_(GaussianShare * (Maximum - Minimum)),
        };
        return ProjectStepCore(inputs, noise.add_(inputs));
    }

    /// <summary>A short text for the values of a tensor, for <see cref="ToString"/>: the first 64 bits of a SHA-256 over dtype, shape and
    /// values. Reads the tensor on the host.</summary>
    /// <param name="values">Any shape and dtype.</param>
    /// <returns>16 hexadecimal digits.</returns>
    protected static string Hash(Tensor values)
    {
        TensorGuard.Dense(values);
        return Fingerprint.Of(("values", values));
    }

    // The distance from 1 to the next number.
    private static double Digit(ScalarType dtype) => dtype switch
    {
        ScalarType.Float64 => double.BitIncrement(1) - 1,
        ScalarType.Float32 => MathF.BitIncrement(1) - 1,
        ScalarType.Float16 => 1.0 / 1024,
        _ => 1.0 / 128,
    };
}
