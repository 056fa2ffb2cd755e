using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Ardir.Core;

/// <summary>
/// A convolution of small maps from the weights as they lie. Such layers have many channels, and libtorch rearranges their weights in
/// each pass, which takes a good part of its time and memory of their size. Here a block of weights for 16 channels stays in the cache
/// while all pixels are computed, and products with the padding are left out: 44 of 144 for a 3x3 kernel on a map of 4x4 pixels.
/// </summary>
internal static unsafe class DirectConvolution
{
    private const int Lanes = DirectKernel.Lanes;
    private const int Rows = 8;   // pixels that are computed at once

    /// <summary>Computes it, without a graph, on the calling thread.</summary>
    /// <param name="source">[N,C,H,W], float32 on the CPU, in any order.</param>
    /// <param name="kernel">The weights.</param>
    /// <param name="plan">For the size of the source.</param>
    /// <param name="bias">A number for each channel of the result, or null.</param>
    /// <returns>[N,K,H,W] in channels-last order, owned by the current dispose scope.</returns>
    public static Tensor Compute(Tensor source, DirectKernel kernel, DirectPlan plan, Tensor? bias)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var values = source.detach();
        if (!ChannelsLastLayout.Has(values)) values = ChannelsLastLayout.Copy(values);
        var result = ChannelsLastLayout.Empty([source.shape[0], kernel.Outputs, plan.Target.Height, plan.Target.Width], values);
        var offset = bias?.contiguous() ?? zeros(kernel.Outputs, values.dtype, values.device);
        Compute((values, result, offset), kernel, plan);
        return result.MoveToOuterDisposeScope();
    }

    private static void Compute((Tensor Source, Tensor Result, Tensor Bias) tensors, DirectKernel kernel, DirectPlan plan)
    {
        var memory = ConvolutionWorkspace.Planes((long)kernel.Taps * kernel.Inputs * Lanes);
        float* from = FloatMemory.Of(tensors.Source), into = FloatMemory.Of(tensors.Result), bias = FloatMemory.Of(tensors.Bias);
        for (var output = 0; output < kernel.Outputs; output += Lanes)
        {
            kernel.Read(output, memory.First);
            var maps = new Maps(from, into + output, tensors.Source.shape[0], (kernel.Inputs, kernel.Outputs), plan);
            foreach (var group in plan.Groups) maps.Compute(group, memory.First, bias + output);
        }
        GC.KeepAlive(tensors.Source);
        GC.KeepAlive(tensors.Result);
        GC.KeepAlive(tensors.Bias);
        kernel.KeepAlive();
        GC.KeepAlive(memory);
    }

    /// <summary>The maps of all images, for one block of channels of the result.</summary>
    [StructLayout(LayoutKind.Auto)]
    private readonly struct Maps(float* from, float* into, long images, (int Inputs, int Outputs) channels, DirectPlan plan)
    {
        private readonly long _source = plan.Source.Height * plan.Source.Width;
        private readonly long _target = plan.Target.Height * plan.Target.Width;

        /// <summary>Computes the pixels of a group in all images.</summary>
        [SkipLocalsInit]
        public void Compute(DirectPlan.Group group, float* panel, float* bias)
        {
            var rows = stackalloc float*[2 * Rows];
            var count = group.Pixels.Length * images;
            for (long first = 0; first < count; first += Rows)
            {
                for (var row = 0; row < Rows; row++)
                {
                    // Pixels beyond the last one are computed as that one, again.
                    var (pixel, image) = Math.DivRem(Math.Min(first + row, count - 1), images);
                    rows[row] = from + (((image * _source) + group.Pixels[pixel].Source) * channels.Inputs);
                    rows[Rows + row] = into + (((image * _target) + group.Pixels[pixel].Target) * channels.Outputs);
                }
                // Without AVX-512 a vector takes two of 16 registers.
                if (Vector512.IsHardwareAccelerated) MultiplyAll(rows, panel, bias, group.Taps, channels.Inputs);
                else
                {
                    MultiplyHalf(rows, panel, bias, group.Taps, channels.Inputs);
                    MultiplyHalf(rows + (Rows / 2), panel, bias, group.Taps, channels.Inputs);
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MultiplyAll(float** rows, float* panel, float* bias, ReadOnlySpan<DirectPlan.Tap> taps, int inputs)
    {
        var sum0 = Vector512.Load(bias);
        var (sum1, sum2, sum3, sum4, sum5, sum6, sum7) = (sum0, sum0, sum0, sum0, sum0, sum0, sum0);
        foreach (var (index, distance) in taps)
        {
            var weights = panel + ((nint)index * inputs * Lanes);
            var shift = (nint)distance * inputs;
            float* row0 = rows[0] + shift, row1 = rows[1] + shift, row2 = rows[2] + shift, row3 = rows[3] + shift;
            float* row4 = rows[4] + shift, row5 = rows[5] + shift, row6 = rows[6] + shift, row7 = rows[7] + shift;
            for (nint input = 0; input < inputs; input++, weights += Lanes)
            {
                var weight = Vector512.Load(weights);
                sum0 = Vector512.MultiplyAddEstimate(Vector512.Create(row0[input]), weight, sum0);
                sum1 = Vector512.MultiplyAddEstimate(Vector512.Create(row1[input]), weight, sum1);
                sum2 = Vector512.MultiplyAddEstimate(Vector512.Create(row2[input]), weight, sum2);
                sum3 = Vector512.MultiplyAddEstimate(Vector512.Create(row3[input]), weight, sum3);
                sum4 = Vector512.MultiplyAddEstimate(Vector512.Create(row4[input]), weight, sum4);
                sum5 = Vector512.MultiplyAddEstimate(Vector512.Create(row5[input]), weight, sum5);
                sum6 = Vector512.MultiplyAddEstimate(Vector512.Create(row6[input]), weight, sum6);
                sum7 = Vector512.MultiplyAddEstimate(Vector512.Create(row7[input]), weight, sum7);
            }
        }
        sum0.Store(rows[Rows]);
        sum1.Store(rows[Rows + 1]);
        sum2.Store(rows[Rows + 2]);
        sum3.Store(rows[Rows + 3]);
        sum4.Store(rows[Rows + 4]);
        sum5.Store(rows[Rows + 5]);
        sum6.Store(rows[Rows + 6]);
        sum7.Store(rows[Rows + 7]);
    }

    // Of 4 pixels, in the same order.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MultiplyHalf(float** rows, float* panel, float* bias, ReadOnlySpan<DirectPlan.Tap> taps, int inputs)
    {
        var sum0 = Vector512.Load(bias);
        var (sum1, sum2, sum3) = (sum0, sum0, sum0);
        foreach (var (index, distance) in taps)
        {
            var weights = panel + ((nint)index * inputs * Lanes);
            var shift = (nint)distance * inputs;
            float* row0 = rows[0] + shift, row1 = rows[1] + shift, row2 = rows[2] + shift, row3 = rows[3] + shift;
            for (nint input = 0; input < inputs; input++, weights += Lanes)
            {
                var weight = Vector512.Load(weights);
                sum0 = Vector512.MultiplyAddEstimate(Vector512.Create(row0[input]), weight, sum0);
                sum1 = Vector512.MultiplyAddEstimate(Vector512.Create(row1[input]), weight, sum1);
                sum2 = Vector512.MultiplyAddEstimate(Vector512.Create(row2[input]), weight, sum2);
                sum3 = Vector512.MultiplyAddEstimate(Vector512.Create(row3[input]), weight, sum3);
            }
        }
        sum0.Store(rows[Rows]);
        sum1.Store(rows[Rows + 1]);
        sum2.Store(rows[Rows + 2]);
        sum3.Store(rows[Rows + 3]);
    }
}
