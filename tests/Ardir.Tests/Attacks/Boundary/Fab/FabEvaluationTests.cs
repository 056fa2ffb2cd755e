using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>How often FAB asks the model in each iteration, and which boundary it sees where gradients are tiny or missing.</summary>
public sealed class FabEvaluationTests
{
    // The start belongs to the first iteration. A success costs a second evaluation, nearer to the image; for two iterations after it
    // a point is tried before it is linearised. The last point is only tried.
    [Theory]
    [InlineData(new[] { 1 }, new[] { 3, 2, 2, 1, 1, 1, 1 })]
    [InlineData(new[] { 1, 3 }, new[] { 3, 2, 2, 2, 2, 1, 1 })]
    [InlineData(new[] { 4 }, new[] { 2, 1, 1, 2, 2, 2, 1 })]
    public void Search_AfterASuccess_TriesFirstInTwoIterations(int[] successes, int[] expected) =>
        Evaluations(distance: _ => 0.2, successes.Contains).Should().Equal(expected);

    // Progress is compared at iterations 20 and 40. One success, in the first iteration, shows none.
    [Theory]
    [InlineData(100, 40)]
    [InlineData(39, 39)]
    public void Search_NoSuccessSinceTheLastPace_GivesUpAtThePace(int iterations, int last) =>
        Evaluations(distance: _ => 0.2, iteration => iteration == 1, iterations).Should().HaveCount(last);

    [Fact]
    public void Search_PointExactlyAtTheToleratedLength_IsInside() =>
        Evaluations(distance: threat => threat.ToleratedEpsilon, _ => true).Should().Equal(2);

    [Fact]
    public void Nearest_TinyGradient_IsMeasuredByItsOwnLength() =>
        // Distances of 1 and of 0.5.
        Nearest(new[] { (-1e-7, 1e-7), (-0.5, 1) }).Should().Be((-0.5, 1));

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Nearest_ClassWithoutGradient_IsFarAway(bool first)
    {
        (double Value, double Slope)[] classes = [(-0.001, 0), (-5, 0.01)];
        Nearest(first ? classes : [classes[1], classes[0]]).Should().Be((-5, 0.01));
    }

    [Fact]
    public void Nearest_NoClassWithGradient_IsTheFirstOfTheNearest() => Nearest([(-2.0, 0), (-1, 0)]).Should().Be((-1, 0));

    [Fact]
    public void Nearest_EquallyFarClasses_IsTheFirst()
    {
        Nearest([(-1.0, 1), (-1, -1)]).Should().Be((-1, 1));
        Nearest([(-1.0, -1), (-1, 1)]).Should().Be((-1, -1));
    }

    // The boundary chosen among those to the classes 1, 2, ...: logits of value + slope * x at 0, against 0 for the label.
    private static (double Value, double Slope) Nearest((double Value, double Slope)[] classes)
    {
        using var scope = NewDisposeScope();
        using var model = new LinearModel(
            tensor([0, .. classes.Select(line => line.Slope)], [classes.Length + 1, 1]), tensor([0, .. classes.Select(line => line.Value)]));
        (double, double) found = default;
        new ProbeAttack(ThreatModel.Linf(0.5), run =>
        {
            var plane = FabPlane.Nearest(run, run.Images, arange(1L, classes.Length + 1).unsqueeze(0));
            found = (plane.Value.ToDouble(), plane.Normal.ToDouble());
            return run.Images;
        }).Perturb(model, zeros([1, 1, 1, 1], ScalarType.Float64), zeros(1, ScalarType.Int64));
        return found;
    }

    // Of one pixel at 0, whose boundary is seen at a given value from everywhere.
    private static List<int> Evaluations(
        Func<NormThreatModel, double> distance, Func<int, bool> succeeds, int iterationCount = 7)
    {
        using var scope = NewDisposeScope();
        var progress = new ListProgress<AttackProgress>();
        var iterations = new List<int>();
        using var model = new FuncModel(x =>
        {
            var iteration = progress.Reports.Count + 1;
            iterations.Add(iteration);
            var moved = (x.flatten(1).select(1, 0) > 0).logical_and(succeeds(iteration)).to(ScalarType.Float64);
            return stack([zeros_like(moved), moved - 0.5], 1);
        });
        new ProbeAttack(ThreatModel.Linf(0.05), run =>
        {
            run = run.WithCleanLogits(run.Logits(run.Images));
            iterations.Clear();
            FabPlane Linearise(AttackRun active, Tensor points) =>
                new(active.Logits(points), points.flatten(1).select(1, 0) - distance((NormThreatModel)run.Threat), ones_like(points));
            var options = new FabOptions { Iterations = iterationCount, Eta = 1 };
            FabEngine.Search(run, options, Linearise, new FabUnit("script", 0, 0));
            return run.Images;
        }).Perturb(model, zeros([1, 1, 1, 1], ScalarType.Float64), zeros(1, ScalarType.Int64), new AttackContext { Progress = progress });
        return [.. iterations.GroupBy(iteration => iteration).OrderBy(group => group.Key).Select(group => group.Count())];
    }
}
