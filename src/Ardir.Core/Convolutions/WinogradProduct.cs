using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Ardir.Core;

/// <summary>The matrix products between the transforms: for each of the 36 points, tiles [T,C] times weights [C,K].</summary>
internal static unsafe class WinogradProduct
{
    /// <summary>Tiles that are multiplied at once. Tiles and products need memory for so many, whatever their number.</summary>
    public const int Rows = 6;

    private const int Lanes = WinogradKernel.Lanes;

    /// <summary>Multiplies.</summary>
    /// <param name="tiles">For each point [T,C], <paramref name="tilePlane"/> numbers apart.</param>
    /// <param name="tilePlane">From point to point.</param>
    /// <param name="weights">As from <see cref="WinogradKernel"/>.</param>
    /// <param name="into">For each point [T,K], and the numbers from point to point.</param>
    /// <param name="size">T, C and K.</param>
    public static void Multiply(
        float* tiles, long tilePlane, float* weights, (nint Products, long Plane) into, (int Tiles, int Inputs, int Outputs) size)
    {
        for (var point = 0; point < WinogradKernel.Points; point++)
        {
            for (var output = 0; output < size.Outputs; output += Lanes, weights += (long)size.Inputs * Lanes)
            {
                var products = (float*)into.Products + (point * into.Plane) + output;
                for (var row = 0; row < size.Tiles; row += Rows)
                {
                    // The last block begins earlier rather than being smaller.
                    var first = Math.Max(0, Math.Min(row, size.Tiles - Rows));
                    Multiply(
                        tiles + (point * tilePlane) + ((long)first * size.Inputs), size.Inputs, weights,
                        products + ((long)first * size.Outputs), size.Outputs);
                }
            }
        }
    }

    // Six sums of one vector each, which both AVX2 and AVX-512 keep in registers.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Multiply(float* row, int inputs, float* weights, float* products, int outputs)
    {
        Vector512<float> sum0 = default, sum1 = default, sum2 = default, sum3 = default, sum4 = default, sum5 = default;
        float* row1 = row + inputs, row2 = row1 + inputs, row3 = row2 + inputs, row4 = row3 + inputs, row5 = row4 + inputs;
        for (nint input = 0; input < inputs; input++, weights += Lanes)
        {
            var weight = Vector512.Load(weights);
            sum0 = Vector512.MultiplyAddEstimate(Vector512.Create(row[input]), weight, sum0);
            sum1 = Vector512.MultiplyAddEstimate(Vector512.Create(row1[input]), weight, sum1);
            sum2 = Vector512.MultiplyAddEstimate(Vector512.Create(row2[input]), weight, sum2);
            sum3 = Vector512.MultiplyAddEstimate(Vector512.Create(row3[input]), weight, sum3);
            sum4 = Vector512.MultiplyAddEstimate(Vector512.Create(row4[input]), weight, sum4);
            sum5 = Vector512.MultiplyAddEstimate(Vector512.Create(row5[input]), weight, sum5);
        }
        sum0.Store(products);
        sum1.Store(products + outputs);
        sum2.Store(products + (2 * outputs));
        sum3.Store(products + (3 * outputs));
        sum4.Store(products + (4 * outputs));
        sum5.Store(products + (5 * outputs));
    }
}
