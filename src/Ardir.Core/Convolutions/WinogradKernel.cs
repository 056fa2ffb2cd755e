using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Block = System.Runtime.Intrinsics.Vector512<float>;

namespace Ardir.Core;

/// <summary>The transformed weights of F(4x4, 3x3): of each kernel g the 36 numbers of G g G', where G evaluates a polynomial at 0, 1, -1,
/// 2, -2 and infinity (Lavin and Gray 2016, section 4.3).</summary>
internal static unsafe class WinogradKernel
{
    /// <summary>How many channels are computed at once.</summary>
    public const int Lanes = 16;

    /// <summary>Numbers of a transformed kernel or tile.</summary>
    public const int Points = 36;

    private const int Taps = 9;

    /// <summary>For the pass forward.</summary>
    /// <param name="kernel">[K,C,3,3], contiguous, float32 on the CPU; K and C are multiples of <see cref="Lanes"/>.</param>
    /// <returns>[36,K/16,C,16].</returns>
    public static FloatBlock Transform(Tensor kernel)
    {
        var (outputs, inputs) = ((int)kernel.shape[0], (int)kernel.shape[1]);
        var result = new FloatBlock(Points * kernel.numel() / Taps);
        Transform(kernel, (inputs, Taps), (outputs, inputs * Taps), turned: false, result);
        return result;
    }

    /// <summary>For the gradient of the input, which is a convolution of that of the output, with inputs and outputs exchanged and the
    /// kernel turned around.</summary>
    /// <param name="kernel">As for <see cref="Transform(Tensor)"/>.</param>
    /// <returns>[36,C/16,K,16], valid until the next call on this thread or the end of a scope.</returns>
    public static FloatBlock TransformForGradient(Tensor kernel)
    {
        var (outputs, inputs) = ((int)kernel.shape[0], (int)kernel.shape[1]);
        var result = ConvolutionWorkspace.Kernel(Points * kernel.numel() / Taps);
        Transform(kernel, (outputs, inputs * Taps), (inputs, Taps), turned: true, result);
        return result;
    }

    private static void Transform(
        Tensor kernel, (int Count, int Step) inputs, (int Count, int Step) outputs, bool turned, FloatBlock result)
    {
        var (from, into) = ((nint)FloatMemory.Of(kernel), (nint)result.First);
        ConvolutionThreads.For(outputs.Count / Lanes, block =>
        {
            for (var input = 0; input < inputs.Count; input++)
            {
                Transform(
                    (float*)from + ((long)block * Lanes * outputs.Step) + ((long)input * inputs.Step), outputs.Step, turned,
                    (float*)into + (((long)block * inputs.Count) + input) * Lanes, (long)outputs.Count * inputs.Count);
            }
        });
        GC.KeepAlive(kernel);
    }

    // Of one input and as many outputs as there are lanes.
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Transform(float* first, int step, bool turned, float* into, long plane)
    {
        var taps = stackalloc float[Taps * Lanes];
        for (var lane = 0; lane < Lanes; lane++)
            for (var tap = 0; tap < Taps; tap++)
                taps[(tap * Lanes) + lane] = first[((long)lane * step) + (turned ? Taps - 1 - tap : tap)];
        Transform(taps, into, plane);
    }

    [SkipLocalsInit]
    private static void Transform(float* taps, float* into, long plane)
    {
        // 6 rows of 3 numbers: the columns of the kernel, transformed.
        var half = stackalloc Block[18];
        for (var j = 0; j < 3; j++)
            Evaluate(Block(taps, j), Block(taps, 3 + j), Block(taps, 6 + j), half + j, step: 3);
        var whole = stackalloc Block[6];
        for (var i = 0; i < 6; i++)
        {
            Evaluate(half[3 * i], half[(3 * i) + 1], half[(3 * i) + 2], whole, step: 1);
            for (var j = 0; j < 6; j++) whole[j].Store(into + (((6 * i) + j) * plane));
        }

        static Block Block(float* taps, int tap) => Vector512.Load(taps + (tap * Lanes));
    }

    private static void Evaluate(Block g0, Block g1, Block g2, Block* into, int step)
    {
        var sum = (g0 + g2) * (-1f / 6);
        var middle = g1 * (-1f / 6);
        var far = (g0 * (1f / 24)) + (g2 * (1f / 6));
        var odd = g1 * (1f / 12);
        into[0] = g0 * 0.25f;
        into[step] = sum + middle;
        into[2 * step] = sum - middle;
        into[3 * step] = far + odd;
        into[4 * step] = far - odd;
        into[5 * step] = g2;
    }
}
