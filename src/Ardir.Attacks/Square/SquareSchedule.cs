namespace Ardir.Attacks;

/// <summary>How large the windows of the Square attack are.</summary>
internal static class SquareSchedule
{
    private const int FullLength = 10000;

    private static readonly int[] _halvings = [10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000];

    /// <summary>The place of a query in the schedule.</summary>
    public static int Place(int query, int queries, bool rescale) => rescale ? (int)((double)query / queries * FullLength) : query;

    /// <summary>The share of the pixels that a window covers.</summary>
    public static double Share(int place, double initial) => initial / (1 << _halvings.Count(after => place > after));

    /// <summary>Side of a window for Linf.</summary>
    public static int Side(double share, int height, int width) => Math.Clamp(Rounded(share, height, width), 1, Math.Min(height, width));

    /// <summary>Side of a window for L2 and L1: odd and at least 3 where the image allows it.</summary>
    public static int OddSide(double share, int height, int width)
    {
        var side = Math.Max(Rounded(share, height, width), 3);
        return Math.Min(side + (side + 1) % 2, Math.Min(height, width));
    }

    private static int Rounded(double share, int height, int width) =>
        (int)Math.Round(Math.Sqrt(share * height * width), MidpointRounding.ToEven);
}
