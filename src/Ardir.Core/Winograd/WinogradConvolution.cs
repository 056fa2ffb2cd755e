namespace Ardir.Core;

/// <summary>
/// A 3x3 convolution with padding 1 in three steps: each tile of 6x6 pixels is transformed to 36 numbers per channel, each of these is
/// multiplied by a matrix [C,K] of transformed weights, and the products are transformed back to tiles of 4x4 pixels. A few rows of tiles
/// at a time, so that what lies between the steps stays in the cache.
/// </summary>
internal static unsafe class WinogradConvolution
{
    // Of so many tiles that the weights, which each group reads anew, weigh little, and so few that a group stays in the cache.
    private const int TilesAtOnce = 64;

    /// <summary>Computes the convolution, without a graph, on the calling thread.</summary>
    /// <param name="input">[N,C,H,W], float32 on the CPU, in any order.</param>
    /// <param name="weights">As from <see cref="WinogradKernel"/>.</param>
    /// <param name="bias">[K] or null.</param>
    /// <returns>[N,K,H,W] in channels-last order, owned by the current dispose scope.</returns>
    public static Tensor Compute(Tensor input, Tensor weights, Tensor? bias)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var values = input.detach();
        if (!ChannelsLastLayout.Has(values)) values = ChannelsLastLayout.Copy(values);
        var outputs = weights.shape[1] * WinogradKernel.Lanes;
        var output = ChannelsLastLayout.Empty([input.shape[0], outputs, input.shape[2], input.shape[3]], values);
        var offset = bias is null ? zeros([outputs], values.dtype, values.device) : bias.contiguous();
        Compute((values, output), weights, offset);
        return output.MoveToOuterDisposeScope();
    }

    private static void Compute((Tensor Input, Tensor Output) maps, Tensor weights, Tensor bias)
    {
        var from = new WinogradMap(FloatMemory.Of(maps.Input), maps.Input.shape);
        var into = new WinogradMap(FloatMemory.Of(maps.Output), maps.Output.shape);
        var (kernel, offset) = ((nint)FloatMemory.Of(weights), (nint)FloatMemory.Of(bias));
        var rows = Math.Clamp(Math.Max(TilesAtOnce, from.Channels / 2) / from.TileColumns, 1, from.TileRows);
        var tiles = Math.Max(rows * from.TileColumns, WinogradProduct.Rows);
        var groups = (from.TileRows + rows - 1) / rows;
        var next = -1;
        void Work()
        {
            using var before = new Planes(tiles, from.Channels);
            using var after = new Planes(tiles, into.Channels);
            for (var group = Interlocked.Increment(ref next); group < groups; group = Interlocked.Increment(ref next))
            {
                var row = group * rows;
                var count = Math.Min(rows, from.TileRows - row);
                for (var i = 0; i < count; i++) from.Read(row + i, before.Row(i * from.TileColumns), before.Size);
                WinogradProduct.Multiply(
                    before.Row(0), before.Size, (float*)kernel, ((nint)after.Row(0), after.Size),
                    (count * from.TileColumns, from.Channels, into.Channels));
                for (var i = 0; i < count; i++)
                    into.Write(row + i, after.Row(i * into.TileColumns), after.Size, (float*)offset);
            }
        }
        var threads = Math.Min(get_num_threads(), groups);
        if (threads == 1) Work();
        else Parallel.For(0, threads, new ParallelOptions { MaxDegreeOfParallelism = threads }, _ => Work());
        GC.KeepAlive(maps.Input);
        GC.KeepAlive(weights);
        GC.KeepAlive(bias);
    }

    /// <summary>Memory for the 36 numbers of some tiles and channels.</summary>
    private sealed class Planes : IDisposable
    {
        private readonly int _channels;
        private readonly Tensor _memory;
        private readonly float* _first;

        public Planes(int tiles, int channels)
        {
            _channels = channels;
            // Equal addresses modulo a power of two share a place in the cache, so a line lies between the planes.
            Size = ((long)tiles * channels) + WinogradKernel.Lanes;
            _memory = empty([WinogradKernel.Points * Size], ScalarType.Float32, CPU);
            _first = FloatMemory.Of(_memory);
        }

        /// <summary>Numbers from point to point.</summary>
        public long Size { get; }

        public float* Row(int tile) => _first + ((long)tile * _channels);

        public void Dispose() => _memory.Dispose();
    }
}
