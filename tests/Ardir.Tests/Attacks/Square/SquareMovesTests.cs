using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>Starts and proposals of the Square attack, value by value, for images of three channels that are not square.</summary>
public sealed class SquareMovesTests
{
    private const int Channels = 3;
    private const int Height = 11;
    private const int Width = 13;

    [Fact]
    public void Start_Linf_IsOneSignForEveryColumnOfEveryChannel()
    {
        using var scope = NewDisposeScope();
        var images = Images(6);
        SquareProbe.Moves(ThreatModel.Linf(0.1), images, (moves, _) =>
        {
            var delta = moves.Best - images;
            TensorAssert.Close(delta.abs(), full_like(delta, 0.1), 1e-12);
            var signs = delta.sign();
            TensorAssert.Same(signs, signs[TensorIndex.Colon, TensorIndex.Colon, ..1].expand_as(signs).clone());
            // A fair coin for each of the 6 * 3 * 13 columns: samples, channels and columns all differ.
            var stripes = signs.select(2, 0);
            stripes.mean().ToDouble().Should().BeInRange(-0.3, 0.3);
            for (var i = 1; i < 6; i++) TensorAssert.Different(stripes[i], stripes[0]);
            for (var c = 1; c < Channels; c++) TensorAssert.Different(stripes.select(1, c), stripes.select(1, 0));
            for (var column = 1; column < Width; column++) TensorAssert.Different(stripes.select(2, column), stripes.select(2, 0));
        });
    }

    [Fact]
    public void Start_LinfBesideTheEdgeOfTheBox_IsClamped()
    {
        using var scope = NewDisposeScope();
        var images = full([1, Channels, Height, Width], 0.95, ScalarType.Float64);
        SquareProbe.Moves(ThreatModel.Linf(0.1), images, (moves, _) => TensorAssert.Values(moves.Best).Should().OnlyContain(value => Math.Abs(value - 0.85) < 1e-12 || value == 1));
    }

    [Theory]
    [InlineData(PerturbationNorm.L2)]
    [InlineData(PerturbationNorm.L1)]
    public void Start_L2AndL1_IsABumpInEveryTileWithASignForEveryChannel(PerturbationNorm norm)
    {
        using var scope = NewDisposeScope();
        var images = Images(4);
        // Eleven rows make tiles of two, of which five begin at row 0; thirteen columns leave room for six, but 5 * 13 / 11 is 5, from column 1.
        const int Side = 2, Tiles = 5, Top = 0, Left = 1;
        bool[] tilted = [false, true];
        SquareProbe.Moves(Balls.Of(norm, 1), images, (moves, run) =>
        {
            var delta = TensorAssert.Values(moves.Best - images);
            var (signs, kinds) = (new List<int>(), new List<bool>());
            // Before scaling every tile of every channel has length one.
            var each = norm == PerturbationNorm.L2 ? 1 / Math.Sqrt(Tiles * Tiles * Channels) : 1.0 / (Tiles * Tiles * Channels);
            for (var i = 0; i < 4; i++)
            {
                for (var tile = 0; tile < Tiles * Tiles; tile++)
                {
                    var (row, column) = (Top + tile / Tiles * Side, Left + tile % Tiles * Side);
                    var fits = tilted.Where(tilt => Enumerable.Range(0, Channels).All(c => Sign(c, tilt) != 0)).ToList();
                    fits.Should().ContainSingle("tile {0} of image {1} holds one bump, tilted in all channels or in none", tile, i);
                    kinds.AddRange(fits);
                    for (var c = 0; c < Channels; c++) signs.Add(Sign(c, fits[0]));

                    int Sign(int c, bool tilt)
                    {
                        var bump = SquareReference.Bump(norm, Side, tilt);
                        return new[] { -1, 1 }.FirstOrDefault(sign => Enumerable.Range(0, Side * Side).All(at => Math.Abs(
                            delta[((i * Channels + c) * Height + row + at / Side) * Width + column + at % Side] - sign * each * bump[at / Side, at % Side]) < 2e-6));
                    }
                }
            }
            // Nothing outside the tiles.
            delta.Count(value => Math.Abs(value) > 1e-12).Should().Be(4 * Channels * Tiles * Tiles * Side * Side);
            var drawn = Drawn(run, Tiles * Tiles);
            kinds.Should().Equal(drawn.Kinds);
            signs.Should().Equal(drawn.Signs);
            kinds.Should().Contain(true).And.Contain(false);
            signs.Average().Should().BeInRange(-0.3, 0.3);
            signs.Chunk(Channels).Should().Contain(tile => tile.Distinct().Count() == 2, "channels have signs of their own");
        });
    }

    [Fact]
    public void Propose_Linf_TakesTheWindowToTheDrawnEndInEachChannel()
    {
        using var scope = NewDisposeScope();
        var images = Images(2);
        SquareProbe.Moves(ThreatModel.Linf(0.1), images, (moves, run) =>
        {
            const int Side = 4;
            (int, int)[] corners = [(0, 2), (7, 9)];
            int[][] up = [[1, 0, 1], [0, 0, 1]];
            var before = TensorAssert.Values(moves.Best);
            var window = Window(corners, corners, [0, 0], up, Side);
            var proposal = moves.Propose(run.Images, window, Side);
            var expected = (double[])before.Clone();
            for (var i = 0; i < 2; i++)
                for (var c = 0; c < Channels; c++)
                    for (var at = 0; at < Side * Side; at++)
                    {
                        var place = Place(i, c, corners[i].Item1 + at / Side, corners[i].Item2 + at % Side);
                        // Two radii from anywhere in the ball, cut to the ball.
                        var image = images.flatten()[place].ToDouble();
                        expected[place] = Math.Clamp(before[place] + (up[i][c] * 2 - 1) * 0.2, image - 0.1, image + 0.1);
                    }
            TensorAssert.Close(proposal.Points, expected, 1e-12);
            moves.Settle(tensor(new[] { true, false }));
            TensorAssert.Close(moves.Best[0], expected[..(expected.Length / 2)], 1e-12);
            TensorAssert.Close(moves.Best[1], before[(before.Length / 2)..], 0);
        });
    }

    // Windows of one image apart, of the other overlapping in two rows and columns.
    [Theory]
    [InlineData(PerturbationNorm.L2, false)]
    [InlineData(PerturbationNorm.L2, true)]
    [InlineData(PerturbationNorm.L1, false)]
    [InlineData(PerturbationNorm.L1, true)]
    public void Propose_L2AndL1_FollowsTheFormula(PerturbationNorm norm, bool beside)
    {
        using var scope = NewDisposeScope();
        const int Side = 5;
        const double Epsilon = 1;
        // Beside the edge of the box the clamp takes a part.
        var images = beside ? Images(2) * 0.5 : Images(2);
        SquareProbe.Moves(Balls.Of(norm, Epsilon), images, (moves, run) =>
        {
            ((int, int) First, (int, int) Second, bool Tilted, int[] Up)[] draws = [((0, 1), (6, 8), false, [1, 0, 1]), ((3, 4), (6, 7), true, [0, 1, 1])];
            var window = Window([.. draws.Select(d => d.First)], [.. draws.Select(d => d.Second)], [.. draws.Select(d => d.Tilted ? 1L : 0)], [.. draws.Select(d => d.Up)], Side);
            // Twice, so that the second begins from what a first left; then from half of that, so that there is budget to win.
            for (var query = 0; query < 3; query++)
            {
                if (query == 2) moves.Best.copy_(run.Images.lerp(moves.Best, 0.5));
                var (image, best) = (TensorAssert.Values(run.Images), TensorAssert.Values(moves.Best));
                var proposal = TensorAssert.Values(moves.Propose(run.Images, window, Side).Points);
                for (var i = 0; i < 2; i++)
                {
                    var (from, size) = (Place(i, 0, 0, 0), Channels * Height * Width);
                    var delta = new double[Channels, Height, Width];
                    for (var at = 0; at < size; at++) delta[at / (Height * Width), at / Width % Height, at % Width] = best[from + at] - image[from + at];
                    var moved = SquareReference.Move(norm, delta, Epsilon, Side, draws[i].First, draws[i].Second, draws[i].Tilted, [.. draws[i].Up.Select(up => up * 2 - 1)]);
                    var expected = SquareReference.Candidate(norm, image[from..(from + size)], [.. moved.Cast<double>()], Epsilon);
                    for (var at = 0; at < size; at++)
                        // The radius of L1 is kept a millionth smaller, for float32.
                        proposal[from + at].Should().BeApproximately(expected[at], norm == PerturbationNorm.L2 ? 1e-10 : 3e-6, "value {0} of image {1} in query {2}", at, i, query);
                }
                moves.Settle(tensor(new[] { true, true }));
                TensorAssert.Close(moves.Best, proposal, 0);
            }
        });
    }

    [Theory]
    [InlineData(PerturbationNorm.Linf)]
    [InlineData(PerturbationNorm.L2)]
    [InlineData(PerturbationNorm.L1)]
    public void Settle_Accepted_TakesThoseAndOnlyThose(PerturbationNorm norm)
    {
        using var scope = NewDisposeScope();
        var images = Images(2);
        SquareProbe.Moves(Balls.Of(norm, norm == PerturbationNorm.Linf ? 0.1 : 1), images, (moves, run) =>
        {
            var before = moves.Best.clone();
            (int, int)[] corners = [(2, 3), (2, 3)];
            // Not the drawn end of all columns already: both directions occur.
            var proposed = moves.Propose(run.Images, Window(corners, [(6, 8), (6, 8)], [1, 1], [[1, 0, 1], [1, 0, 1]], 5), 5).Points.clone();
            TensorAssert.Different(proposed[0], before[0]);
            moves.Settle(tensor(new[] { false, true }));
            TensorAssert.Same(moves.Best[0], before[0]);
            TensorAssert.Same(moves.Best[1], proposed[1]);
        });
    }

    // What the streams of the samples say of each tile: one draw whether it is tilted, then one for the sign in each channel.
    private static (List<bool> Kinds, List<int> Signs) Drawn(AttackRun run, int tiles)
    {
        var (kinds, signs) = (new List<bool>(), new List<int>());
        foreach (var key in run.Streams("Square", 0).Derive(0).Keys)
        {
            var state = key;
            for (var tile = 0; tile < tiles; tile++)
            {
                kinds.Add(SeedMixer.ToInt(SeedMixer.Next(ref state), 2) == 1);
                for (var c = 0; c < Channels; c++) signs.Add(SeedMixer.ToInt(SeedMixer.Next(ref state), 2) * 2 - 1);
            }
        }
        return (kinds, signs);
    }

    private static Tensor Images(int count) => TinyModels.Random([count, Channels, Height, Width], 7, ScalarType.Float64, 0.3, 0.7);

    private static int Place(int image, int channel, int row, int column) => ((image * Channels + channel) * Height + row) * Width + column;

    private static SquareWindow Window((int Row, int Column)[] first, (int Row, int Column)[] second, long[] transposed, int[][] up, int side)
    {
        Tensor Places((int Row, int Column)[] corners) => tensor(
            [.. corners.SelectMany(corner => Enumerable.Range(0, Channels * side * side).Select(at => (long)Place(0, at / (side * side), corner.Row + at / side % side, corner.Column + at % side)))],
            [corners.Length, Channels * side * side]);
        return new SquareWindow(Places(first), Places(second), tensor(transposed), tensor([.. up.SelectMany(row => row.Select(direction => (long)direction))], [up.Length, Channels, 1]));
    }
}
