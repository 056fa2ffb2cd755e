namespace Ardir.Core;

/// <summary>
/// A 3x3 convolution with padding 1 in three steps: each tile of 6x6 pixels is transformed to 36 numbers per channel, each of these is
/// multiplied by a matrix [C,K] of transformed weights, and the products are transformed back to tiles of 4x4 pixels. A few rows of tiles
/// at a time, so that what lies between the steps stays in the cache.
/// </summary>
internal static unsafe class WinogradConvolution
{
    // Each group of tiles reads all weights, so a group must not be too small; what it computes is to stay in the cache, so it must not be
    // too large.
    private const int TilesAtOnce = 64;

    /// <summary>Computes the convolution, without a graph, on as many threads as libtorch may use now.</summary>
    /// <param name="input">[N,C,H,W], float32 on the CPU, in any order.</param>
    /// <param name="weights">As from <see cref="WinogradKernel"/>.</param>
    /// <param name="outputs">How many channels the result has: K.</param>
    /// <param name="bias">[K] or null.</param>
    /// <returns>[N,K,H,W] in channels-last order, owned by the current dispose scope.</returns>
    public static Tensor Compute(Tensor input, FloatBlock weights, long outputs, Tensor? bias)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var values = input.detach();
        if (!ChannelsLastLayout.Has(values)) values = ChannelsLastLayout.Copy(values);
        var output = ChannelsLastLayout.Empty([input.shape[0], outputs, input.shape[2], input.shape[3]], values);
        using var offset = bias?.contiguous();
        Compute((values, output), weights, offset);
        return output.MoveToOuterDisposeScope();
    }

    private static void Compute((Tensor Input, Tensor Output) maps, FloatBlock weights, Tensor? bias)
    {
        var from = new WinogradMap(FloatMemory.Of(maps.Input), maps.Input.shape);
        var into = new WinogradMap(FloatMemory.Of(maps.Output), maps.Output.shape);
        var rows = Math.Clamp(Math.Max(TilesAtOnce, from.Channels / 2) / from.TileColumns, 1, from.TileRows);
        var groups = (from.TileRows + rows - 1) / rows;
        var threads = Math.Min(get_num_threads(), groups);
        var tiles = Math.Max(rows * from.TileColumns, WinogradProduct.Rows);
        // Made here, so that nothing can fail on another thread.
        var memory = ConvolutionWorkspace.Planes(threads * (Planes.Memory(tiles, from.Channels) + Planes.Memory(tiles, into.Channels)));
        using var borrowed = weights.Borrow();
        var free = memory.First;
        var (before, after) = (new Planes[threads], new Planes[threads]);
        for (var i = 0; i < threads; i++)
        {
            before[i] = new Planes(tiles, from.Channels, ref free);
            after[i] = new Planes(tiles, into.Channels, ref free);
        }
        var parameters = new WinogradParameters((nint)weights.First, bias is null ? 0 : (nint)FloatMemory.Of(bias));
        var next = -1;
        ConvolutionThreads.For(threads, thread =>
        {
            for (var group = Interlocked.Increment(ref next); group < groups; group = Interlocked.Increment(ref next))
            {
                var range = (group * rows, Math.Min(rows, from.TileRows - (group * rows)));
                Compute(range, (from, into), (before[thread], after[thread]), parameters);
            }
        });
        GC.KeepAlive(maps.Input);
        GC.KeepAlive(maps.Output);
        GC.KeepAlive(bias);
        GC.KeepAlive(memory);
    }

    private static void Compute(
        (int First, int Count) rows, (WinogradMap Input, WinogradMap Output) maps, (Planes Tiles, Planes Products) planes,
        WinogradParameters parameters)
    {
        var (from, into, columns) = (maps.Input, maps.Output, maps.Input.TileColumns);
        for (var i = 0; i < rows.Count; i++) from.Read(rows.First + i, planes.Tiles.Row(i * columns), planes.Tiles.Size);
        WinogradProduct.Multiply(
            planes.Tiles.Row(0), planes.Tiles.Size, (float*)parameters.Weights, ((nint)planes.Products.Row(0), planes.Products.Size),
            (rows.Count * columns, from.Channels, into.Channels));
        for (var i = 0; i < rows.Count; i++)
            into.Write(rows.First + i, planes.Products.Row(i * columns), planes.Products.Size, (float*)parameters.Bias);
    }

    /// <summary>Addresses of transformed weights and bias; the latter may be 0.</summary>
    private sealed record WinogradParameters(nint Weights, nint Bias);

    /// <summary>Memory for the 36 numbers of some tiles and channels.</summary>
    private sealed class Planes
    {
        private readonly int _channels;
        private readonly float* _first;

        /// <summary>Takes memory.</summary>
        /// <param name="tiles">How many tiles.</param>
        /// <param name="channels">How many channels each has.</param>
        /// <param name="free">Where memory is free; moves behind what is taken.</param>
        public Planes(int tiles, int channels, ref float* free)
        {
            (_channels, Size) = (channels, PlaneOf(tiles, channels));
            _first = free;
            free += Memory(tiles, channels);
        }

        /// <summary>Numbers from point to point.</summary>
        public long Size { get; }

        /// <summary>Numbers that are taken.</summary>
        public static long Memory(int tiles, int channels) => WinogradKernel.Points * PlaneOf(tiles, channels);

        public float* Row(int tile) => _first + ((long)tile * _channels);

        // Equal addresses modulo a power of two share a place in the cache, so a line lies between the planes.
        private static long PlaneOf(int tiles, int channels) => ((long)tiles * channels) + WinogradKernel.Lanes;
    }
}
