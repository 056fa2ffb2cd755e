using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>The Square attack where budgets are used up, radii tiny, dtypes coarse and losses equal.</summary>
public sealed class SquareBorderTests
{
    [Fact]
    public void Odd_SidesOfWindows_AreForTheBumpsAlone()
    {
        foreach (var (norm, odd) in new[] { (PerturbationNorm.Linf, false), (PerturbationNorm.L2, true), (PerturbationNorm.L1, true) })
            SquareProbe.Moves(Balls.Of(norm, 0.5), Grey(1, 12), (moves, _) => moves.Odd.Should().Be(odd));
    }

    [Fact]
    public void Start_Linf_IsTheUpperEndWhereTheStreamSaysOne()
    {
        using var scope = NewDisposeScope();
        SquareProbe.Moves(ThreatModel.Linf(0.1), Grey(4, 6), (moves, run) =>
        {
            var signs = run.Streams("Square", 0).Signs(run.Images.narrow(2, 0, 1));
            TensorAssert.Close(moves.Best - run.Images, (signs * 0.1).expand_as(run.Images), 1e-15);
        });
    }

    [Theory]
    [InlineData(PerturbationNorm.L2)]
    [InlineData(PerturbationNorm.L1)]
    public void Start_TilesThatLeaveARest_AreInTheMiddle(PerturbationNorm norm)
    {
        using var scope = NewDisposeScope();
        // Fourteen rows and columns hold seven tiles of two, of which five are taken: two rows and columns are left on each side.
        SquareProbe.Moves(Balls.Of(norm, 1), Grey(2, 14), (moves, run) =>
        {
            var changed = (moves.Best != run.Images).cpu();
            var expected = zeros_like(changed);
            expected[.., .., 2..12, 2..12] = true;
            TensorAssert.Longs(changed).Should().Equal(TensorAssert.Longs(expected));
        });
    }

    [Fact]
    public void Start_TinyRadiusInL2_IsUsedWhole()
    {
        using var scope = NewDisposeScope();
        SquareProbe.Moves(ThreatModel.L2(1e-8), zeros([2, 1, 12, 12], ScalarType.Float64), (moves, _) =>
            // The upward halves alone: zero is the edge of the box.
            moves.Best.square().flatten(1).sum(1).sqrt().min().ToDouble().Should().BeInRange(0.5e-8, 1e-8));
        SquareProbe.Moves(ThreatModel.L2(1e-8), full([2, 1, 12, 12], 1e-7, ScalarType.Float64), (moves, run) =>
            TensorAssert.Close((moves.Best - run.Images).square().flatten(1).sum(1).sqrt(), [1e-8, 1e-8], 1e-15));
    }

    // The point has moved in its first value alone; both windows lie where nothing has.
    [Theory]
    [InlineData(PerturbationNorm.L2, 0.3, 0.3)]       // 0.4 of the radius is left for the window
    [InlineData(PerturbationNorm.L2, 0.75, 0.5)]      // more than the radius: nothing is left, and the value goes back
    [InlineData(PerturbationNorm.L1, 0.3, 0.3)]       // 0.2 is left
    [InlineData(PerturbationNorm.L1, 0.75, 0.5)]
    public void Propose_EmptyWindows_GetWhatTheRadiusLeaves(PerturbationNorm norm, double moved, double kept)
    {
        using var scope = NewDisposeScope();
        const int Side = 3;
        SquareProbe.Moves(Balls.Of(norm, 0.5), full([1, 1, 8, 8], 0.4, ScalarType.Float64), (moves, run) =>
        {
            moves.Best.copy_(run.Images);
            moves.Best[0, 0, 0, 0] += moved;
            var places = Enumerable.Range(0, Side * Side).Select(i => (4L + i / Side) * 8 + 4 + i % Side);
            var at = tensor([.. places], [1, Side * Side]);
            var window = new SquareWindow(at, at, zeros(1, ScalarType.Int64), ones([1, 1, 1], ScalarType.Int64));
            var delta = moves.Propose(run.Images, window, Side).Points - run.Images;
            delta[0, 0, 0, 0].ToDouble().Should().BeApproximately(kept, 2e-6);
            var change = delta.flatten(1).gather(1, at);
            var length = norm == PerturbationNorm.L2 ? change.square().sum().sqrt().ToDouble() : change.abs().sum().ToDouble();
            length.Should().BeApproximately(moved > 0.5 ? 0 : norm == PerturbationNorm.L2 ? 0.4 : 0.2, 2e-6);
        });
    }

    [Fact]
    public void ProposeInL2_HalfPrecision_IsThatOfFloat32Rounded()
    {
        using var scope = NewDisposeScope();
        var at = tensor([.. Enumerable.Range(0, 9).Select(i => (long)((4 + i / 3) * 12 + 4 + i % 3))], [1, 9]).repeat(2, 1);
        var window = new SquareWindow(at, at, zeros(2, ScalarType.Int64), ones([2, 1, 1], ScalarType.Int64));
        var proposed = new List<Tensor>();
        foreach (var each in new[] { ScalarType.Float32, ScalarType.Float16 })
        {
            // Values that half precision holds, in the middle and at the edges of the box.
            var images = cat([full([1, 1, 12, 12], 0.5), zeros(1, 1, 12, 12)]).to(each);
            SquareProbe.Moves(ThreatModel.L2(0.5), images, (moves, run) =>
            {
                proposed.Add(moves.Best.to(ScalarType.Float32).clone().DetachFromDisposeScope());
                var points = moves.Propose(run.Images, window, 3).Points;
                points.dtype.Should().Be(each);
                TensorAssert.AllTrue(run.Threat.Contains(run.Images, points));
                proposed.Add(points.to(ScalarType.Float32).clone().DetachFromDisposeScope());
            });
        }
        TensorAssert.Close(proposed[2], proposed[0], 1e-3);
        TensorAssert.Close(proposed[3], proposed[1], 1e-3);
        TensorAssert.Different(proposed[1], proposed[0]);
        foreach (var points in proposed) points.Dispose();
    }

    [Fact]
    public void ProposeInL1_HalfPrecision_StaysInTheBall()
    {
        using var scope = NewDisposeScope();
        var at = tensor([.. Enumerable.Range(0, 9).Select(i => (long)((4 + i / 3) * 12 + 4 + i % 3))], [1, 9]).repeat(2, 1);
        var window = new SquareWindow(at, at, zeros(2, ScalarType.Int64), ones([2, 1, 1], ScalarType.Int64));
        var images = cat([full([1, 1, 12, 12], 0.5), full([1, 1, 12, 12], 0.25)]).to(ScalarType.Float16);
        SquareProbe.Moves(ThreatModel.L1(0.5), images, (moves, run) =>
        {
            var points = moves.Propose(run.Images, window, 3).Points;
            points.dtype.Should().Be(ScalarType.Float16);
            TensorAssert.AllTrue(run.Threat.Contains(run.Images, points));
            // The radius is used but for what half precision cannot say.
            var used = (points.to(ScalarType.Float64) - images.to(ScalarType.Float64)).abs().flatten(1).sum(1);
            used.min().ToDouble().Should().BeGreaterThan(0.4);
        });
    }

    [Fact]
    public void Perturb_NoImagesForAChain_NamesThem()
    {
        var chain = new WorstCaseAttack("chain", new SquareAttack(ThreatModel.L2(1)), new FgsmAttack(ThreatModel.L2(1)));
        using var model = new FuncModel(x => x.flatten(1));
        chain.Invoking(attack => attack.Perturb(model, null!, zeros(1, ScalarType.Int64)))
            .Should().Throw<ArgumentException>().WithParameterName("images");
    }

    [Fact]
    public void Place_Rescaled_StaysBelowTenThousand() => SquareSchedule.Place(19999, 20000, rescale: true).Should().Be(9999);

    private static Tensor Grey(int count, int side) => full([count, 2, side, side], 0.5, ScalarType.Float64);
}
