using System.Runtime.InteropServices;

namespace Ardir.Core;

/// <summary>Which pixels of the source each pixel of the result is computed from. Those that read their neighbourhoods alike are a group;
/// what lies in the padding is left out.</summary>
internal sealed class DirectPlan
{
    private DirectPlan(((int Height, int Width) Source, (int Height, int Width) Target) sizes, IReadOnlyList<Group> groups) =>
        (Source, Target, Groups) = (sizes.Source, sizes.Target, groups);

    /// <summary>The size of the source.</summary>
    public (int Height, int Width) Source { get; }

    /// <summary>The size of the result.</summary>
    public (int Height, int Width) Target { get; }

    /// <summary>All pixels of the result, each in one group.</summary>
    public IReadOnlyList<Group> Groups { get; }

    /// <summary>That of the convolution.</summary>
    public static DirectPlan Of(ConvolutionGeometry geometry, (int Height, int Width) source)
    {
        var target = geometry.Target(source);
        return Make((source, target), geometry, (y, x, i, j) =>
            ((y * geometry.Stride.Y) - geometry.Padding.Y + (i * geometry.Dilation.Y),
             (x * geometry.Stride.X) - geometry.Padding.X + (j * geometry.Dilation.X)));
    }

    /// <summary>That of its gradient.</summary>
    /// <param name="geometry">That of the convolution.</param>
    /// <param name="source">The size of its result.</param>
    /// <param name="target">The size of its maps.</param>
    public static DirectPlan OfGradient(ConvolutionGeometry geometry, (int Height, int Width) source, (int Height, int Width) target)
    {
        return Make((source, target), geometry, (y, x, i, j) =>
            (Divided(y + geometry.Padding.Y - (i * geometry.Dilation.Y), geometry.Stride.Y),
             Divided(x + geometry.Padding.X - (j * geometry.Dilation.X), geometry.Stride.X)));

        // Between two strides nothing was read.
        static int Divided(int position, int stride) => position % stride == 0 ? position / stride : -1;
    }

    private static DirectPlan Make(
        ((int Height, int Width) Source, (int Height, int Width) Target) sizes, ConvolutionGeometry geometry,
        Func<int, int, int, int, (int Y, int X)> read)
    {
        var (source, target) = sizes;
        var groups = new List<(Tap[] Taps, List<Pixel> Pixels)>();
        var reads = new List<(int Index, int At)>();
        for (var pixel = 0; pixel < target.Height * target.Width; pixel++)
        {
            reads.Clear();
            for (var tap = 0; tap < geometry.Kernel.Y * geometry.Kernel.X; tap++)
            {
                var (y, x) = read(pixel / target.Width, pixel % target.Width, tap / geometry.Kernel.X, tap % geometry.Kernel.X);
                if ((uint)y < (uint)source.Height && (uint)x < (uint)source.Width) reads.Add((tap, (y * source.Width) + x));
            }
            var first = reads.Count == 0 ? 0 : reads[0].At;
            Tap[] taps = [.. reads.Select(one => new Tap(one.Index, one.At - first))];
            var group = groups.Find(one => one.Taps.AsSpan().SequenceEqual(taps));
            if (group.Pixels is null) groups.Add(group = (taps, []));
            group.Pixels.Add(new Pixel(pixel, first));
        }
        return new DirectPlan(sizes, [.. groups.Select(group => new Group([.. group.Pixels], group.Taps))]);
    }

    /// <summary>A pixel of the result and the first pixel of the source that it reads.</summary>
    [StructLayout(LayoutKind.Auto)]
    internal readonly record struct Pixel(int Target, int Source);

    /// <summary>A position of the kernel and how far the pixel for it lies behind the first one.</summary>
    [StructLayout(LayoutKind.Auto)]
    internal readonly record struct Tap(int Index, int Distance);

    /// <summary>Pixels that read with the same positions of the kernel at the same distances.</summary>
    internal sealed record Group(Pixel[] Pixels, Tap[] Taps);
}
