namespace Ardir.Core;

/// <summary>Splits work among as many threads as libtorch may use where it is called.</summary>
internal static class ConvolutionThreads
{
    /// <summary>Does every part once.</summary>
    /// <param name="parts">How many there are.</param>
    /// <param name="part">Must not fail on another thread.</param>
    public static void For(int parts, Action<int> part)
    {
        var threads = Math.Min(get_num_threads(), parts);
        if (threads > 1) Parallel.For(0, parts, new ParallelOptions { MaxDegreeOfParallelism = threads }, part);
        else for (var i = 0; i < parts; i++) part(i);
    }
}
