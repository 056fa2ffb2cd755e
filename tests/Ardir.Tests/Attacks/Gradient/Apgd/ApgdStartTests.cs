using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>Where APGD starts, and what becomes of samples that are broken there.</summary>
public sealed class ApgdStartTests
{
    [Theory]
    [InlineData(PerturbationNorm.Linf)]
    [InlineData(PerturbationNorm.L2)]
    [InlineData(PerturbationNorm.L1)]
    public void RandomStart_OfEachNorm_IsTheNoiseBroughtToTheBall(PerturbationNorm norm)
    {
        using var scope = NewDisposeScope();
        Probe(Balls.Of(norm, 0.1), full([6, 2, 3, 4], 0.5, ScalarType.Float64), run => IsNoiseInTheBall(run, norm));
    }

    private static void IsNoiseInTheBall(AttackRun run, PerturbationNorm norm)
    {
        var (images, ball) = (run.Images, ((NormThreatModel)run.Threat).Ball);
        SampleStreams Streams() => run.Streams("test", 3);
        var start = ApgdStep.Start(run, 0.1, Streams());
        var expected = norm switch
        {
            PerturbationNorm.Linf => On(Streams().Uniform(images, -1, 1), noise => noise.abs().amax(new long[] { 1 })),
            PerturbationNorm.L2 => On(Streams().Normal(images), noise => noise.square().sum(1).sqrt()),
            _ => ball.Project(images, images + Streams().Normal(images), 0.1),
        };
        TensorAssert.Close(start, expected, 1e-15);
        Tensor On(Tensor noise, Func<Tensor, Tensor> length) => images + noise * 0.1 / length(noise.flatten(1)).reshape(-1, 1, 1, 1);
    }

    [Fact]
    public void RandomStart_L2_IsOnlyProjectedWhereRoundingLeavesTheBall()
    {
        using var scope = NewDisposeScope();
        foreach (var dtype in new[] { ScalarType.Float32, ScalarType.BFloat16, ScalarType.Float16 })
        {
            Probe(ThreatModel.L2(0.3), TinyModels.Random([40, 1, 4, 4], 3, ScalarType.Float64).to(dtype), run =>
            {
                var start = ApgdStep.Start(run, 0.3, run.Streams("test", 0));
                start.dtype.Should().Be(dtype);
                TensorAssert.AllTrue(run.Threat.Contains(run.Images, start));
                if (dtype != ScalarType.Float32) return;
                var noise = run.Streams("test", 0).Normal(run.Images);
                noise.mul_((0.3 / ((NormThreatModel)run.Threat).Ball.Norm(noise.flatten(1))).reshape(-1, 1, 1, 1)).add_(run.Images);
                TensorAssert.Same(start, ((NormThreatModel)run.Threat).Ball.BallThenBox(run.Images, noise, 0.3));
            });
        }
    }

    // Wrong is what lies above 0.6. The numbers are the samples in each question to the model: the start's and one per iteration.
    [Theory]
    [InlineData(new[] { 0.55, 0.3 }, new[] { 0.62, 0.3 }, new[] { 2, 1, 1, 1 }, new[] { true, false }, new[] { 0.62, 0.3 })]
    [InlineData(new[] { 0.55, 0.56 }, new[] { 0.62, 0.63 }, new[] { 2 }, new[] { true, true }, new[] { 0.62, 0.63 })]
    [InlineData(new[] { 0.2, 0.3 }, new[] { 0.2, 0.3 }, new[] { 2, 2, 2, 2 }, new[] { false, false }, new[] { 0.2, 0.3 })]
    // 0.7 is outside the ball.
    [InlineData(new[] { 0.55, 0.55 }, new[] { 0.62, 0.7 }, new[] { 2, 1 }, new[] { true, true }, new[] { 0.62, 0.65 })]
    [InlineData(new[] { 0.55, 0.55 }, new[] { 0.7, 0.62 }, new[] { 2, 1 }, new[] { true, true }, new[] { 0.65, 0.62 })]
    public void Climb_BrokenAtTheStart_LeaveAtOnceIfTheyAreInTheBall(
        double[] images, double[] start, int[] asked, bool[] broken, double[] points)
    {
        using var scope = NewDisposeScope();
        var seen = new List<int>();
        Probe(ThreatModel.Linf(0.1), tensor(images, [2, 1, 1, 1]), run =>
        {
            seen.Clear();
            var from = tensor(start, [2, 1, 1, 1]);
            var found = ApgdEngine.Climb(run.With(AttackLoss.Margin), new(), new(0.1, 3), from);
            found.Broken.data<bool>().ToArray().Should().Equal(broken);
            TensorAssert.Close(found.Points, points, 1e-15);
        }, x => seen.Add((int)x.shape[0]));
        seen.Should().Equal(asked);
    }

    [Fact]
    public void Climb_StartOutsideTheBox_BeginsAtItsEdge()
    {
        using var scope = NewDisposeScope();
        var seen = new List<double[]>();
        Probe(ThreatModel.Linf(0.1), tensor(new[] { 0.05, 0.95, 0.5 }, [1, 1, 1, 3]), run =>
        {
            seen.Clear();
            var start = tensor(new[] { -0.01, 1.01, 0.5 }, [1, 1, 1, 3]);
            ApgdEngine.Climb(run.With(AttackLoss.Margin), new(), new(0.1, 1, BrokenSamples.Stay), start);
        }, x => seen.Add(TensorAssert.Values(x)));
        seen[0].Should().Equal(0, 1, 0.5);
    }

    // The loss of the label grows with the first value; wrong is what lies above 0.6.
    private static void Probe(ThreatModel threat, Tensor images, Action<AttackRun> body, Action<Tensor>? asked = null)
    {
        using var scope = NewDisposeScope();
        using var model = new FuncModel(x =>
        {
            asked?.Invoke(x.detach());
            var first = x.flatten(1).narrow(1, 0, 1);
            return cat([zeros_like(first), first - 0.6], 1);
        });
        var ran = false;
        new ProbeAttack(threat, run =>
        {
            body(run);
            ran = true;
            return run.Images;
        }).Perturb(model, images, zeros(images.shape[0], ScalarType.Int64));
        ran.Should().BeTrue();
    }
}
