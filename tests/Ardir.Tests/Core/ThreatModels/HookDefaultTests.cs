using Ardir.Core;

namespace Ardir.Tests;

/// <summary>What the base of a threat model computes where a user's own defines nothing: each default against its formula.</summary>
public sealed class HookDefaultTests
{
    /// <summary>The distance from 1 to the next number of each dtype.</summary>
    public static TheoryData<ScalarType, double> Digits => new()
    {
        { ScalarType.Float64, Math.Pow(2, -52) },
        { ScalarType.Float32, Math.Pow(2, -23) },
        { ScalarType.Float16, Math.Pow(2, -10) },
        { ScalarType.BFloat16, Math.Pow(2, -7) },
    };

    [Theory]
    [MemberData(nameof(Digits))]
    public void Contains_MoveOfTheProjection_MayBeHalfADigitOfEachNumber(ScalarType dtype, double digit)
    {
        using var scope = NewDisposeScope();
        const double Epsilon = 1e-9;
        // The candidate is zero, so that the projection moves it by exactly what the test says.
        var (x, y) = (full([1, 1], 0.5, dtype), zeros([1, 1], dtype));
        bool Inside(double move) => new Free((_, point) => point - move, Epsilon, -1).Contains(x, y).ToBoolean();
        var rounding = (0.5 + 0 + Epsilon) * (digit / 2) + Epsilon * 1e-6;
        Inside(rounding).Should().BeTrue();
        Inside(Math.BitIncrement(rounding)).Should().BeFalse();
    }

    [Fact]
    public void Distance_LargestDifferenceIsNegative_CountsByItsSize()
    {
        using var scope = NewDisposeScope();
        var threat = new Free((_, point) => point, 1);
        var (a, b) = (tensor(new[] { 0.5, 0.25, 0.5, 1 }, [2, 2]), tensor(new[] { 0.25, 1, 0.5, 0.5 }, [2, 2]));
        TensorAssert.Close(threat.Distance(a, b), [0.75, 0.5], 0);
        TensorAssert.Close(threat.Distance(b, a), [0.75, 0.5], 0);
    }

    [Fact]
    public void SampleStart_IsTheInputAndTheNoiseOfItsKind()
    {
        using var scope = NewDisposeScope();
        const double Epsilon = 0.25;
        // A projection that changes nothing, and a box that is four wide: the start is the input and the noise itself.
        var threat = new Free((_, point) => point, Epsilon, -1, 3);
        var x = TinyModels.Random([5, 2, 3], 4, ScalarType.Float64, -1, 3);
        SampleStreams Streams() => SampleStreams.ForSamples(seed: 7, indices: null, count: 5);
        var uniform = Streams().Uniform(x, -Epsilon, Epsilon) + x;
        TensorAssert.Same(threat.SampleStart(x, RandomStart.Uniform, 7), uniform);
        TensorAssert.Same(threat.SampleStart(x, RandomStart.UniformUnclamped, 7), uniform);
        var streams = Streams();
        var direction = streams.Uniform(x, -1, 1);
        TensorAssert.Same(
            threat.SampleStart(x, RandomStart.RandomRadius, 7),
            direction * streams.UniformPerSample(x, 0, Epsilon).reshape(5, 1, 1) + x);
        var gaussian = Streams().Normal(x) * (0.001 * 4) + x;
        TensorAssert.Same(threat.SampleStart(x, RandomStart.Gaussian, 7), gaussian);
        TensorAssert.Same(threat.SampleStart(x, RandomStart.GaussianUnclamped, 7), gaussian);
    }

    [Fact]
    public void SampleStart_StreamsOfOnesOwn_AreProjected()
    {
        using var scope = NewDisposeScope();
        var x = TinyModels.Random([4, 3], 4);
        var streams = SampleStreams.ForSamples(seed: 7, indices: [3, 1, 4, 1], count: 4);
        var threat = new Free((_, point) => zeros_like(point), 0.25);
        TensorAssert.Same(threat.SampleStart(x, RandomStart.Uniform, streams), zeros_like(x));
    }

    [Fact]
    public void CheckInputs_KnownBatch_IsNotReadAndAnotherIs()
    {
        using var scope = NewDisposeScope();
        var threat = new Free((_, point) => point, 0.25);
        var (x, labels) = (full([2, 3], 0.5, ScalarType.Float64), zeros([2], ScalarType.Int64));
        // Nothing is read from what is known, so a value that has become wrong since is not seen.
        var known = CheckedBatch.Of(x, labels, classes: 2);
        x[0, 0] = 2;
        threat.Invoking(t => t.CheckInputs(x, known: known)).Should().NotThrow();
        threat.Invoking(t => t.CheckInputs(x.clone(), known: known)).Should().Throw<ArgumentException>();
        threat.Invoking(t => t.CheckInputs(x)).Should().Throw<ArgumentException>();
        var wider = CheckedBatch.Of(x, labels, classes: 2, minimum: 0, maximum: 2);
        threat.Invoking(t => t.CheckInputs(x, known: wider)).Should().Throw<ArgumentException>("its box is wider than that of the threat model");
    }

    [Fact]
    public void StaysOnDevice_IsPromisedByNobodyButNormBallsThatDo()
    {
        new Free((_, point) => point, 0.25).StaysOnDevice.Should().BeFalse();
        ThreatModel.Linf(0.25).StaysOnDevice.Should().BeTrue();
        ThreatModel.L2(0.25).StaysOnDevice.Should().BeTrue();
        ThreatModel.L1(0.25).StaysOnDevice.Should().BeFalse();
    }

    private sealed class Free(Func<Tensor, Tensor, Tensor> project, double epsilon, double minimum = 0, double maximum = 1)
        : ThreatModel(epsilon, minimum, maximum)
    {
        public override string ToString() => "Free";

        protected override Tensor ProjectCore(Tensor reference, Tensor candidate) => project(reference, candidate);
    }
}
