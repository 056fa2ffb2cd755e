using System.Numerics;
using System.Runtime.InteropServices;

namespace Ardir.Core;

/// <summary>The k-th largest value of each row, where k may differ from row to row.</summary>
public static class LargestValues
{
    private const int Ends = int.MaxValue;

    /// <summary>The k-th largest value of each row.</summary>
    /// <param name="values">Floating point [n,d], not negative, without NaN.</param>
    /// <param name="places">k from 1 to d for each row, int64 [n].</param>
    /// <returns>[n,1], the dtype of the values, owned by the caller.</returns>
    public static Tensor At(Tensor values, Tensor places)
    {
        ArgumentNullException.ThrowIfNull(values);
        ArgumentNullException.ThrowIfNull(places);
        if (values.device_type == DeviceType.CPU && values.dtype == ScalarType.Float32)
            return ByBisection(values.contiguous(), places.contiguous());
        // All values are sorted, because the largest k is known on the device only and waiting for it would cost a GPU more time.
        var (sorted, _) = values.sort(1, descending: true);
        return sorted.gather(1, (places - 1).unsqueeze(1));
    }

    // On a CPU a sort takes several times longer than a bisection that counts the values above a bound until it has found the right one.
    private static Tensor ByBisection(Tensor values, Tensor places)
    {
        var result = empty([values.shape[0], 1], ScalarType.Float32, values.device);
        var width = (int)values.shape[1];
        // Non-negative floats have the same order as their bit patterns read as integers.
        var all = MemoryMarshal.Cast<byte, int>(values.bytes);
        var each = MemoryMarshal.Cast<byte, long>(places.bytes);
        var into = MemoryMarshal.Cast<byte, int>(result.bytes);
        for (var row = 0; row < into.Length; row++)
            into[row] = Largest(all.Slice(row * width, width), (int)each[row]);
        return result;
    }

    private static int Largest(ReadOnlySpan<int> row, int place)
    {
        // Invariant: at least k values are at or above low, and fewer than k are at or above high.
        var (low, high) = (0, Ends);
        while (high - low > 1)
        {
            var middle = low + (high - low) / 2;
            var (above, smallest) = AtOrAbove(row, middle);
            if (above == place) return smallest;
            if (above > place) low = middle;
            else high = middle;
        }
        return low;
    }

    /// <summary>How many values are at or above a bound, which must not be 0, and the smallest of them.</summary>
    private static (int Count, int Smallest) AtOrAbove(ReadOnlySpan<int> row, int bound)
    {
        var vectors = MemoryMarshal.Cast<int, Vector<int>>(row);
        var (counts, least, smallest, ends) = (Vector<int>.Zero, new Vector<int>(bound - 1), new Vector<int>(Ends), new Vector<int>(Ends));
        foreach (var vector in vectors)
        {
            var above = Vector.GreaterThan(vector, least);
            counts -= above;
            smallest = Vector.Min(smallest, Vector.ConditionalSelect(above, vector, ends));
        }
        var (count, first) = (Vector.Sum(counts), Ends);
        for (var i = 0; i < Vector<int>.Count; i++) first = Math.Min(first, smallest[i]);
        foreach (var value in row[(vectors.Length * Vector<int>.Count)..])
        {
            if (value < bound) continue;
            count++;
            first = Math.Min(first, value);
        }
        return (count, first);
    }
}
