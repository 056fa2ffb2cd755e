namespace Ardir.Attacks;

/// <summary>The shape of a perturbation inside a window for L2 and L1: a positive pyramid in its upper half and a negative one in its lower
/// half.</summary>
internal static class SquareBump
{
    /// <summary>The bump and its transpose.</summary>
    /// <param name="side">Side of the window.</param>
    /// <param name="power">How fast the pyramids fall: 2 for L2, 4 for L1.</param>
    /// <param name="length">The norm in which the bump has norm one.</param>
    /// <returns>Two times side*side values, row by row.</returns>
    public static double[] Create(int side, int power, Func<double[], double> length)
    {
        var bump = new double[2 * side * side];
        var upper = Pyramid(side / 2, side, power, length);
        var lower = Pyramid(side - side / 2, side, power, length);
        double[] whole = [.. upper, .. lower.Select(value => -value)];
        var total = length(whole);
        for (var row = 0; row < side; row++)
        {
            for (var column = 0; column < side; column++)
            {
                var value = whole[row * side + column] / total;
                bump[row * side + column] = value;
                bump[(side + column) * side + row] = value;
            }
        }
        return bump;
    }

    // Squares of side 1, 3, 5, ... around the middle, cut to the rectangle; square j adds 1/(j+1)^power.
    private static double[] Pyramid(int rows, int columns, int power, Func<double[], double> length)
    {
        var values = new double[rows * columns];
        var (middleRow, middleColumn) = (rows / 2, columns / 2);
        for (var row = 0; row < rows; row++)
        {
            for (var column = 0; column < columns; column++)
            {
                var innermost = Math.Max(Math.Abs(row - middleRow), Math.Abs(column - middleColumn));
                for (var square = innermost; square <= Math.Max(middleRow, middleColumn); square++)
                    values[row * columns + column] += Math.Pow(square + 1, -power);
            }
        }
        if (values.Length == 0) return values;
        var total = length(values);
        return [.. values.Select(value => value / total)];
    }
}
