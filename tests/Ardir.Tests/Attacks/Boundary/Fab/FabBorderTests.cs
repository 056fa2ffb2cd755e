using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>FAB where numbers are equal, tiny or at the edge: which boundary, which point, which start.</summary>
public sealed class FabBorderTests
{
    private static readonly FabOptions _options = new() { Iterations = 2, Eta = 1, Beta = 0.5 };

    [Theory]
    [InlineData(0, 0.5 + 1.05 * 0.25)]   // of the classes 1 and 2
    [InlineData(1, 0.5 - 1.05 * 0.25)]   // of 2 and 0
    public void Perturb_BoundariesEquallyFar_CrossesThatOfTheNextClass(int label, double expected)
    {
        using var scope = NewDisposeScope();
        using var model = new FuncModel(x =>
        {
            // The label's logit is 0; that of class 1 (or else 0) grows upwards and that of class 2 downwards.
            var pixel = x.flatten(1);
            var (up, down) = (pixel - 0.75, 0.25 - pixel);
            return label == 0 ? cat([zeros_like(pixel), up, down], 1) : cat([up, zeros_like(pixel), down], 1);
        });
        var attack = new FabAttack(ThreatModel.Linf(1), new FabOptions { Iterations = 1, MinimiseNorm = true });
        TensorAssert.Close(attack.Perturb(model, Pixel(0.5), tensor(new[] { (long)label })), [expected], 1e-15);
    }

    [Fact]
    public void Perturb_ClassThatTheModelRulesOut_IsNoObstacle()
    {
        using var scope = NewDisposeScope();
        using var model = new FuncModel(x =>
        {
            var pixel = x.flatten(1);
            return cat([zeros_like(pixel), full_like(pixel, double.NegativeInfinity), pixel - 0.75], 1);
        });
        var attack = new FabAttack(ThreatModel.Linf(1), new FabOptions { Iterations = 1, MinimiseNorm = true });
        TensorAssert.Close(attack.Perturb(model, Pixel(0.5), zeros(1, ScalarType.Int64)), [0.5 + 1.05 * 0.25], 1e-15);
    }

    [Fact]
    public void Nearest_AllClassesRuledOut_IsNoBoundaryAtThePoint()
    {
        using var scope = NewDisposeScope();
        using var model = new FuncModel(x => cat([x.flatten(1), full_like(x.flatten(1), double.NegativeInfinity)], 1));
        new ProbeAttack(ThreatModel.Linf(1), run =>
        {
            var plane = FabPlane.Nearest(run, zeros_like(run.Images), ones([1, 1], ScalarType.Int64));
            plane.Value.ToDouble().Should().Be(double.NegativeInfinity);
            return run.Images;
        }).Perturb(model, Pixel(1), zeros(1, ScalarType.Int64));
    }

    [Fact]
    public void Perturb_PointOnTheBoundary_CountsAsOneHundredMillionthAway()
    {
        using var scope = NewDisposeScope();
        using var model = new FuncModel(x => cat([zeros_like(x.flatten(1)), x.flatten(1) - 0.45], 1));
        // The first step goes a twentieth beyond, and back to the boundary. From there the second one ends where that from the image does by
        // the share of its length, 1e-8 of a quarter.
        var options = new FabOptions { Iterations = 2, AlphaMax = 1, Beta = 1 / 1.05, MinimiseNorm = true };
        var found = new FabAttack(ThreatModel.Linf(1), options).Perturb(model, Pixel(0.2), zeros(1, ScalarType.Int64));
        TensorAssert.Close(found, [0.45 + 0.05 * 0.25 * (1e-8 / (1e-8 + 0.25))], 1e-14);
    }

    [Fact]
    public void Search_PointExactlyAtTheToleratedLength_IsBroken()
    {
        foreach (var (beyond, broken) in new[] { (false, true), (true, false) })
        {
            double Boundary(NormThreatModel threat, int call) => beyond ? Math.BitIncrement(threat.ToleratedEpsilon) : threat.ToleratedEpsilon;
            var outcome = Search(ThreatModel.Linf(0.05), 0, restart: 0, Boundary);
            outcome.Broken.Should().Be(broken);
        }
    }

    [Fact]
    public void Search_SecondPointAsFarAsTheFirst_KeepsTheFirst() =>
        Search(ThreatModel.Linf(1), 0.5, restart: 0, (_, call) => call == 0 ? 0.25 : 0.75).Found.Should().Be(0.25);

    [Fact]
    public void Search_StartThatIsBroken_IsTakenAndEndsTheSearch()
    {
        var outcome = Search(ThreatModel.Linf(0.5), 0.5, restart: 1, (_, _) => 0.9, minimiseNorm: false);
        Math.Abs(outcome.Found - 0.5).Should().BeApproximately(0.25, 1e-15, "the start is half the radius away");
        (outcome.Broken, outcome.Calls).Should().Be((true, 1));
    }

    [Theory]
    [InlineData(PerturbationNorm.Linf)]
    [InlineData(PerturbationNorm.L2)]
    [InlineData(PerturbationNorm.L1)]
    public void Perturb_RestartAtTheEdge_StartsInTheBox(PerturbationNorm norm)
    {
        using var scope = NewDisposeScope();
        var seen = new List<Tensor>();
        using var model = new FuncModel(x =>
        {
            seen.Add(x.detach().clone().DetachFromDisposeScope());
            return cat([full_like(x.flatten(1).narrow(1, 0, 1), 100), x.flatten(1).narrow(1, 0, 1)], 1);
        });
        var images = TinyModels.Random([3, 1, 4, 4], 3, ScalarType.Float64).round();
        var attack = new FabAttack(Balls.Of(norm, 1), new FabOptions { Iterations = 1, Restarts = 2 });
        attack.Perturb(model, images, zeros(3, ScalarType.Int64));
        // The clean pass, the first restart's start and its step, and the start of the second.
        TensorAssert.Same(seen[1], images);
        TensorAssert.Different(seen[3], images);
        seen[3].min().ToDouble().Should().Be(0);
        seen[3].max().ToDouble().Should().Be(1);
    }

    // Class 0 wins against class 1 where they are equal, so that the far point is wrong although nothing speaks for it.
    [Fact]
    public void Improve_FarPointOnTheBoundary_TriesHalfway()
    {
        using var scope = NewDisposeScope();
        var seen = new List<double>();
        using var model = new FuncModel(x =>
        {
            seen.Add(x.ToDouble());
            return cat([x.flatten(1).square() - 0.25, zeros_like(x.flatten(1))], 1);
        });
        new ProbeAttack(ThreatModel.Linf(1), run =>
        {
            run = run.WithCleanLogits(run.Logits(run.Images));
            seen.Clear();
            var found = Pixel(0.5);
            FabFinalSearch.Improve(run, found, tensor(new[] { 0.3 }));
            return found;
        }).Perturb(model, Pixel(0.2), ones(1, ScalarType.Int64));
        seen.Take(4).Should().Equal([0.5, 0.35, 0.425, 0.4625], (a, b) => Math.Abs(a - b) < 1e-15);
    }

    [Fact]
    public void Options_AtTheirBorders_AreAllowedOrNamed()
    {
        var threat = ThreatModel.L2(1);
        new FabAttack(threat, new FabOptions { Eta = 1, AlphaMax = 0, Beta = 0 }).ToString().Should().Contain("Eta = 1,");
        var restarts = () => new TargetedFabAttack(threat, new TargetedFabOptions { Search = new() { Restarts = 0 } });
        restarts.Should().Throw<ArgumentOutOfRangeException>().WithParameterName("Restarts");
    }

    private static Tensor Pixel(double value) => tensor([value], [1, 1, 1, 1]);

    // Of one pixel, whose boundary each call sees where it is told to; every other value than the image's own is wrong.
    private static (double Found, bool Broken, int Calls) Search(
        NormThreatModel threat, double image, int restart, Func<NormThreatModel, int, double> boundary, bool minimiseNorm = true)
    {
        using var scope = NewDisposeScope();
        using var model = new FuncModel(x =>
        {
            var moved = (x.flatten(1) != image).to(ScalarType.Float64);
            return cat([zeros_like(moved), moved - 0.5], 1);
        });
        var (found, broken, calls) = (0.0, false, 0);
        new ProbeAttack(threat, run =>
        {
            run = run.WithCleanLogits(run.Logits(run.Images));
            FabPlane Linearise(AttackRun active, Tensor points) =>
                new(active.Logits(points), points.flatten(1).select(1, 0) - boundary(threat, calls++), ones_like(points));
            var outcome = FabEngine.Search(
                run, _options with { MinimiseNorm = minimiseNorm }, Linearise, new FabUnit("script", 0, restart));
            (found, broken) = (outcome.Points.ToDouble(), outcome.Broken.ToBoolean());
            return run.Images;
        }).Perturb(model, Pixel(image), zeros(1, ScalarType.Int64));
        return (found, broken, calls);
    }
}
