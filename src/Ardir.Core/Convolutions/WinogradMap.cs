using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Block = System.Runtime.Intrinsics.Vector512<float>;

namespace Ardir.Core;

/// <summary>A batch of maps in channels-last order as rows of tiles of 4x4 pixels.</summary>
[StructLayout(LayoutKind.Auto)]
internal readonly unsafe struct WinogradMap
{
    private const int Lanes = WinogradKernel.Lanes;
    private const int Step = 4;   // pixels from tile to tile
    private const int Size = 6;   // pixels that a tile reads in each direction

    private readonly float* _values;
    private readonly int _height;
    private readonly int _width;
    private readonly int _rowsPerImage;

    /// <summary>Describes maps.</summary>
    /// <param name="values">The first of the values.</param>
    /// <param name="shape">[N,C,H,W].</param>
    public WinogradMap(float* values, long[] shape)
    {
        _values = values;
        (Channels, _height, _width) = ((int)shape[1], (int)shape[2], (int)shape[3]);
        (_rowsPerImage, TileColumns) = ((_height + Step - 1) / Step, (_width + Step - 1) / Step);
        TileRows = checked((int)shape[0] * _rowsPerImage);
    }

    public int Channels { get; }

    /// <summary>Rows of tiles of all images.</summary>
    public int TileRows { get; }

    /// <summary>Tiles of a row.</summary>
    public int TileColumns { get; }

    /// <summary>Transforms the pixels of a row of tiles, with one pixel of padding around the image.</summary>
    /// <param name="row">Which row.</param>
    /// <param name="into">For each tile its channels; for each of the 36 numbers a plane.</param>
    /// <param name="plane">From plane to plane.</param>
    [SkipLocalsInit]
    public void Read(int row, float* into, long plane)
    {
        var outside = stackalloc float[Channels];
        new Span<float>(outside, Channels).Clear();
        var pixels = stackalloc float*[Size * Size];
        for (var column = 0; column < TileColumns; column++)
        {
            for (var i = 0; i < Size; i++)
                for (var j = 0; j < Size; j++)
                    pixels[(i * Size) + j] = Pixel(row, (row % _rowsPerImage * Step) + i - 1, (column * Step) + j - 1, outside);
            Transform(pixels, into + ((long)column * Channels), plane, Channels);
        }
    }

    /// <summary>Transforms products back to the pixels of a row of tiles.</summary>
    /// <param name="row">Which row.</param>
    /// <param name="products">As <see cref="Read"/> writes them.</param>
    /// <param name="plane">From plane to plane.</param>
    /// <param name="bias">A number for each channel, or null.</param>
    public void Write(int row, float* products, long plane, float* bias)
    {
        var (top, rows) = (row % _rowsPerImage * Step, Math.Min(Step, _height - (row % _rowsPerImage * Step)));
        for (var column = 0; column < TileColumns; column++)
        {
            var columns = Math.Min(Step, _width - (column * Step));
            var into = Pixel(row, top, column * Step, null);
            Restore(products + ((long)column * Channels), plane, bias, ((nint)into, rows, columns));
        }
    }

    private float* Pixel(int row, int y, int x, float* outside) =>
        (uint)y < (uint)_height && (uint)x < (uint)_width
            ? _values + (((((long)(row / _rowsPerImage) * _height) + y) * _width) + x) * Channels
            : outside;

    // B'dB of the paper: columns first.
    [SkipLocalsInit]
    private static void Transform(float** pixels, float* into, long plane, int channels)
    {
        var half = stackalloc Block[Size * Size];
        for (var channel = 0; channel < channels; channel += Lanes)
        {
            for (var j = 0; j < Size; j++)
            {
                var (d0, d1) = (Vector512.Load(pixels[j] + channel), Vector512.Load(pixels[Size + j] + channel));
                var (d2, d3) = (Vector512.Load(pixels[(2 * Size) + j] + channel), Vector512.Load(pixels[(3 * Size) + j] + channel));
                var (d4, d5) = (Vector512.Load(pixels[(4 * Size) + j] + channel), Vector512.Load(pixels[(5 * Size) + j] + channel));
                var (even, odd, near, twice) = (d4 - (d2 * 4f), d3 - (d1 * 4f), d4 - d2, (d3 - d1) * 2f);
                half[j] = (d0 * 4f) - (d2 * 5f) + d4;
                half[Size + j] = even + odd;
                half[(2 * Size) + j] = even - odd;
                half[(3 * Size) + j] = near + twice;
                half[(4 * Size) + j] = near - twice;
                half[(5 * Size) + j] = (d1 * 4f) - (d3 * 5f) + d5;
            }
            var line = half;
            for (var to = into + channel; line < half + (Size * Size); line += Size, to += Size * plane)
            {
                var (d0, d1, d2, d3, d4, d5) = (line[0], line[1], line[2], line[3], line[4], line[5]);
                var (even, odd, near, twice) = (d4 - (d2 * 4f), d3 - (d1 * 4f), d4 - d2, (d3 - d1) * 2f);
                ((d0 * 4f) - (d2 * 5f) + d4).Store(to);
                (even + odd).Store(to + plane);
                (even - odd).Store(to + (2 * plane));
                (near + twice).Store(to + (3 * plane));
                (near - twice).Store(to + (4 * plane));
                ((d1 * 4f) - (d3 * 5f) + d5).Store(to + (5 * plane));
            }
        }
    }

    // A'mA of the paper, and the bias.
    [SkipLocalsInit]
    private void Restore(float* products, long plane, float* bias, (nint Into, int Rows, int Columns) tile)
    {
        var half = stackalloc Block[Step * Size];
        for (var channel = 0; channel < Channels; channel += Lanes)
        {
            var from = products + channel;
            for (var j = 0; j < Size; j++, from += plane)
            {
                var (m1, m2) = (Vector512.Load(from + (Size * plane)), Vector512.Load(from + (2 * Size * plane)));
                var (m3, m4) = (Vector512.Load(from + (3 * Size * plane)), Vector512.Load(from + (4 * Size * plane)));
                var (sum, difference, far, farDifference) = (m1 + m2, m1 - m2, m3 + m4, m3 - m4);
                half[j] = Vector512.Load(from) + sum + far;
                half[Size + j] = difference + (farDifference * 2f);
                half[(2 * Size) + j] = sum + (far * 4f);
                half[(3 * Size) + j] = difference + (farDifference * 8f) + Vector512.Load(from + (5 * Size * plane));
            }
            var offset = bias == null ? Block.Zero : Vector512.Load(bias + channel);
            var (line, into) = ((nint)half, tile.Into + (channel * sizeof(float)));
            for (var i = 0; i < tile.Rows; i++)
                Store((Block*)line + (i * Size), offset, (float*)into + ((long)i * _width * Channels), tile.Columns);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Store(Block* line, Block offset, float* into, int columns)
    {
        var (sum, difference, far, farDifference) = (line[1] + line[2], line[1] - line[2], line[3] + line[4], line[3] - line[4]);
        (line[0] + sum + far + offset).Store(into);
        if (columns > 1) (difference + (farDifference * 2f) + offset).Store(into + Channels);
        if (columns > 2) (sum + (far * 4f) + offset).Store(into + (2 * Channels));
        if (columns > 3) (difference + (farDifference * 8f) + line[5] + offset).Store(into + (3 * Channels));
    }
}
