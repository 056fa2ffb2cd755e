using Ardir.Core;

namespace Ardir.Tests;

/// <summary>The Square attack's formulas in plain loops over one image, [channel][row][column]: slow, obvious and independent of the library.</summary>
internal static class SquareReference
{
    /// <summary>The bump: upper half a pyramid upwards, lower half one downwards, of length one. Squares of side 1, 3, 5, ... are laid around the middle of each half; the
    /// j-th weighs 1/(j+1)^2 for L2 and 1/(j+1)^4 for L1.</summary>
    public static double[,] Bump(PerturbationNorm norm, int side, bool transposed)
    {
        var power = norm == PerturbationNorm.L1 ? 4 : 2;
        var bump = new double[side, side];
        var half = side / 2;
        foreach (var (first, rows, sign) in new[] { (0, half, 1), (half, side - half, -1) })
        {
            var part = new double[rows, side];
            var (middleRow, middleColumn) = (rows / 2, side / 2);
            for (var square = 0; square <= Math.Max(middleRow, middleColumn); square++)
                for (var row = Math.Max(middleRow - square, 0); row <= Math.Min(middleRow + square, rows - 1); row++)
                    for (var column = Math.Max(middleColumn - square, 0); column <= Math.Min(middleColumn + square, side - 1); column++)
                        part[row, column] += 1 / Math.Pow(square + 1, power);
            var length = Balls.Length(norm, part.Cast<double>().DefaultIfEmpty());
            for (var row = 0; row < rows; row++)
                for (var column = 0; column < side; column++) bump[first + row, column] = sign * part[row, column] / length;
        }
        var total = Balls.Length(norm, bump.Cast<double>());
        var result = new double[side, side];
        for (var row = 0; row < side; row++)
            for (var column = 0; column < side; column++) result[row, column] = (transposed ? bump[column, row] : bump[row, column]) / total;
        return result;
    }

    /// <summary>A query for L2 and L1: the first window keeps its direction, takes the bump on top, and gets the length that both windows and the unused
    /// budget give; the second window is emptied.</summary>
    public static double[,,] Move(
        PerturbationNorm norm, double[,,] delta, double epsilon, int side, (int Row, int Column) first, (int Row, int Column) second, bool transposed, int[] signs)
    {
        var (channels, height, width) = (delta.GetLength(0), delta.GetLength(1), delta.GetLength(2));
        var bump = Bump(norm, side, transposed);
        var used = Balls.Length(norm, delta.Cast<double>());
        bool In((int Row, int Column) window, int row, int column) => row >= window.Row && row < window.Row + side && column >= window.Column && column < window.Column + side;
        var result = new double[channels, height, width];
        for (var c = 0; c < channels; c++)
        {
            List<double> inFirst = [0], inEither = [0];
            for (var row = 0; row < height; row++)
            {
                for (var column = 0; column < width; column++)
                {
                    if (In(first, row, column)) inFirst.Add(delta[c, row, column]);
                    if (In(first, row, column) || In(second, row, column)) inEither.Add(delta[c, row, column]);
                    else result[c, row, column] = delta[c, row, column];
                }
            }
            var (lengthFirst, lengthEither) = (Balls.Length(norm, inFirst), Balls.Length(norm, inEither));
            var next = new double[side, side];
            for (var row = 0; row < side; row++)
                for (var column = 0; column < side; column++)
                    next[row, column] = bump[row, column] * signs[c] + delta[c, first.Row + row, first.Column + column] / (1e-12 + lengthFirst);
            var budget = norm == PerturbationNorm.L2
                ? Math.Sqrt(Math.Max(epsilon * epsilon - used * used, 0) / channels + lengthEither * lengthEither)
                : (Math.Max(epsilon - used, 0) / channels + lengthEither) * channels;
            var length = Balls.Length(norm, next.Cast<double>()) + 1e-12;
            for (var row = 0; row < side; row++)
                for (var column = 0; column < side; column++) result[c, first.Row + row, first.Column + column] = next[row, column] / length * budget;
        }
        return result;
    }

    /// <summary>The candidate of a perturbation: for L2 scaled to the radius, for L1 projected onto the ball, both within [0,1].</summary>
    public static double[] Candidate(PerturbationNorm norm, double[] image, double[] delta, double epsilon)
    {
        if (norm == PerturbationNorm.L1) return Balls.Project(norm, image, [.. image.Zip(delta, (x, d) => x + d)], epsilon);
        var length = Balls.Length(norm, delta);
        return [.. image.Zip(delta, (x, d) => Math.Clamp(x + epsilon * d / length, 0, 1))];
    }
}
