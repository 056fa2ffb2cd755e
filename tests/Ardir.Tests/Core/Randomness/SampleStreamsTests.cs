using Ardir.Core;

namespace Ardir.Tests;

public sealed class SampleStreamsTests
{
    private static readonly long[] _shape = [200, 1, 10, 10];

    [Fact]
    public void Uniform_PinnedValues_NeverChange()
    {
        using var scope = NewDisposeScope();
        var like = zeros([1, 1, 1, 3], ScalarType.Float64);
        // Computed independently in Python from the definition.
        TensorAssert.Close(Streams(1).Uniform(like, 0, 1).flatten(), [0.7250551006153468, 0.01132917913037923, 0.4366397914941692], 1e-15);
        TensorAssert.Close(Streams(1).Normal(like).flatten(), [-0.8800924786761101, -0.04872051040633289, -1.0701389006073456], 1e-12);
    }

    [Fact]
    public void Uniform_ManyValues_HasTheMomentsOfTheUniform()
    {
        using var scope = NewDisposeScope();
        var draw = Streams(200).Uniform(zeros(_shape, ScalarType.Float64), -1, 3);
        draw.min().ToDouble().Should().BeInRange(-1, -0.99);
        draw.max().ToDouble().Should().BeInRange(2.99, 3);
        draw.mean().ToDouble().Should().BeApproximately(1, 0.04);
        draw.var().ToDouble().Should().BeApproximately(16.0 / 12, 0.04);
    }

    [Fact]
    public void Normal_ManyValues_HasTheMomentsOfTheNormal()
    {
        using var scope = NewDisposeScope();
        var draw = Streams(200).Normal(zeros(_shape, ScalarType.Float64));
        draw.mean().ToDouble().Should().BeApproximately(0, 0.03);
        draw.var().ToDouble().Should().BeApproximately(1, 0.04);
        draw.pow(3).mean().ToDouble().Should().BeApproximately(0, 0.1);
        draw.pow(4).mean().ToDouble().Should().BeApproximately(3, 0.2);
        draw.isfinite().all().ToBoolean().Should().BeTrue();
    }

    [Fact]
    public void Signs_ManyValues_AreFairAndNeverZero()
    {
        using var scope = NewDisposeScope();
        var draw = Streams(200).Signs(zeros(_shape));
        TensorAssert.Values(draw).Should().OnlyContain(sign => Math.Abs(sign) == 1);
        draw.mean().ToDouble().Should().BeApproximately(0, 0.03);
    }

    [Fact]
    public void Draws_OfOneStream_AreUncorrelated()
    {
        using var scope = NewDisposeScope();
        var streams = Streams(200);
        var (first, second) = (streams.Normal(zeros(_shape)), streams.Normal(zeros(_shape)));
        (first * second).mean().ToDouble().Should().BeApproximately(0, 0.03);
        (first.narrow(0, 0, 199) * first.narrow(0, 1, 199)).mean().ToDouble().Should().BeApproximately(0, 0.03);
    }

    [Fact]
    public void Select_SomeRows_DrawWhatThoseRowsDrew()
    {
        using var scope = NewDisposeScope();
        var like = zeros(5, 1, 2, 3);
        var all = Streams(5).Uniform(like, 0, 1);
        var some = Streams(5).Select([3, 0]).Uniform(like.narrow(0, 0, 2), 0, 1);
        TensorAssert.Same(some, all[tensor([3L, 0L])]);
    }

    [Fact]
    public void Derive_AnotherPurpose_DrawsOtherNumbers()
    {
        using var scope = NewDisposeScope();
        var like = zeros(5, 1, 2, 3);
        TensorAssert.Same(Streams(5).Derive(1).Uniform(like, 0, 1), Streams(5).Derive(1).Uniform(like, 0, 1));
        TensorAssert.Different(Streams(5).Derive(1).Uniform(like, 0, 1), Streams(5).Derive(2).Uniform(like, 0, 1));
    }

    [Fact]
    public void Uniform_Float32_IsTheRoundedFloat64()
    {
        using var scope = NewDisposeScope();
        var like = zeros([3, 1, 2, 2], ScalarType.Float64);
        var fine = Streams(3).Uniform(like, 0, 1);
        TensorAssert.Same(Streams(3).Uniform(like.to(ScalarType.Float32), 0, 1), fine.to(ScalarType.Float32));
        Streams(3).Uniform(like.to(ScalarType.BFloat16), 0, 1).dtype.Should().Be(ScalarType.BFloat16);
    }

    [Fact]
    public void Draw_AnyKind_LeavesTheGlobalGeneratorAlone()
    {
        using var scope = NewDisposeScope();
        var before = torch.random.get_rng_state();
        Streams(5).Normal(zeros(5, 1, 2, 2));
        TensorAssert.Same(torch.random.get_rng_state(), before);
    }

    private static SampleStreams Streams(int count) => SampleStreams.ForSamples(0, null, count);
}
