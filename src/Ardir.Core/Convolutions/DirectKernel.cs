using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Ardir.Core;

/// <summary>The weights of a convolution in channels-last order, read in blocks for some channels of the result.</summary>
internal readonly unsafe struct DirectKernel
{
    /// <summary>How many channels of the result a block is for.</summary>
    public const int Lanes = 16;

    private const int Half = 8;

    private readonly Tensor _kernel;
    private readonly float* _first;
    private readonly bool _isGradient;

    /// <summary>Describes weights.</summary>
    /// <param name="kernel">[K,C,kh,kw] in channels-last order, float32 on the CPU; K and C are multiples of <see cref="Lanes"/>.</param>
    /// <param name="isGradient">Whether the result has the channels C of the maps, and the source the channels K.</param>
    public DirectKernel(Tensor kernel, bool isGradient)
    {
        (_kernel, _isGradient) = (kernel, isGradient);
        var (outputs, inputs) = ((int)kernel.shape[0], (int)kernel.shape[1]);
        (Inputs, Outputs) = isGradient ? (outputs, inputs) : (inputs, outputs);
        Taps = (int)(kernel.shape[2] * kernel.shape[3]);
        _first = FloatMemory.Of(kernel);
    }

    /// <summary>Channels of the source.</summary>
    public int Inputs { get; }

    /// <summary>Channels of the result.</summary>
    public int Outputs { get; }

    /// <summary>Positions of the kernel.</summary>
    public int Taps { get; }

    /// <summary>Keeps the weights until here.</summary>
    public void KeepAlive() => GC.KeepAlive(_kernel);

    /// <summary>Copies a block.</summary>
    /// <param name="output">Its first channel of the result.</param>
    /// <param name="panel">Where to: [taps, inputs, <see cref="Lanes"/>].</param>
    public void Read(int output, float* panel)
    {
        // The weights lie as [K, taps, C].
        nint row = (nint)Taps * (_isGradient ? Outputs : Inputs);
        for (var tap = 0; tap < Taps; tap++)
        {
            var from = _isGradient ? _first + ((nint)tap * Outputs) + output : _first + (output * row) + ((nint)tap * Inputs);
            for (nint input = 0; input < Inputs; input += Half, panel += Half * Lanes)
            {
                if (_isGradient)
                {
                    for (var i = 0; i < Half; i++) Vector512.Load(from + ((input + i) * row)).Store(panel + (i * Lanes));
                }
                else
                {
                    Transpose(from + input, row, panel);
                    Transpose(from + input + (Half * row), row, panel + Half);
                }
            }
        }
    }

    // 8 rows of 8 numbers become columns.
    private static void Transpose(float* from, nint row, float* into)
    {
        var (a0, a1) = Pair(from, from + row);
        var (a2, a3) = Pair(from + (2 * row), from + (3 * row));
        var (b0, b1) = Pair(from + (4 * row), from + (5 * row));
        var (b2, b3) = Pair(from + (6 * row), from + (7 * row));
        Store(a0, a2, b0, b2, into);
        Store(a1, a3, b1, b3, into + (2 * Lanes));
    }

    private static (Vector256<float> Low, Vector256<float> High) Pair(float* one, float* other)
    {
        var (a, b) = (Vector256.Load(one), Vector256.Load(other));
        return (Avx.UnpackLow(a, b), Avx.UnpackHigh(a, b));
    }

    private static void Store(Vector256<float> a, Vector256<float> b, Vector256<float> c, Vector256<float> d, float* into)
    {
        const int Low = 0x44, High = 0xEE;
        Store(Avx.Shuffle(a, b, Low), Avx.Shuffle(c, d, Low), into);
        Store(Avx.Shuffle(a, b, High), Avx.Shuffle(c, d, High), into + Lanes);
    }

    // The upper halves are those of the columns 4 further.
    private static void Store(Vector256<float> top, Vector256<float> bottom, float* into)
    {
        Avx.Permute2x128(top, bottom, 0x20).Store(into);
        Avx.Permute2x128(top, bottom, 0x31).Store(into + (4 * Lanes));
    }
}
