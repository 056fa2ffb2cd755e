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
        var rows = Math.Clamp(Math.Max(TilesAtOnce, from.Channels / 2) / from.TileColumns, 1, from.TileRows);
        var groups = (from.TileRows + rows - 1) / rows;
        var threads = Math.Min(get_num_threads(), groups);
        var tiles = Math.Max(rows * from.TileColumns, WinogradProduct.Rows);
        // Made here, so that nothing can fail on another thread.
        Planes[] before = [.. Enumerable.Range(0, threads).Select(_ => new Planes(tiles, from.Channels))];
        Planes[] after = [.. Enumerable.Range(0, threads).Select(_ => new Planes(tiles, into.Channels))];
        var (kernel, offset) = ((nint)FloatMemory.Of(weights), (nint)FloatMemory.Of(bias));
        var next = -1;
        Action<int> work = thread =>
        {
            for (var group = Interlocked.Increment(ref next); group < groups; group = Interlocked.Increment(ref next))
            {
                var range = (group * rows, Math.Min(rows, from.TileRows - (group * rows)));
                Compute(range, (from, into), (before[thread], after[thread]), new WinogradParameters(kernel, offset));
            }
        };
        if (threads == 1) work(0);
        else Parallel.For(0, threads, new ParallelOptions { MaxDegreeOfParallelism = threads }, work);
        GC.KeepAlive(maps.Input);
        GC.KeepAlive(maps.Output);
        GC.KeepAlive(weights);
        GC.KeepAlive(bias);
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

    /// <summary>Addresses of transformed weights and bias.</summary>
    private sealed record WinogradParameters(nint Weights, nint Bias);

    /// <summary>Memory for the 36 numbers of some tiles and channels.</summary>
    private sealed class Planes
    {
        private readonly int _channels;
        private readonly Tensor _memory;
        private readonly float* _first;

        public Planes(int tiles, int channels)
        {
            _channels = channels;
            // Equal addresses modulo a power of two share a place in the cache, so a line lies between the planes.
            Size = ((long)tiles * channels) + WinogradKernel.Lanes;
            // Freed with the dispose scope of the computation.
            _memory = empty([WinogradKernel.Points * Size], ScalarType.Float32, CPU);
            _first = FloatMemory.Of(_memory);
        }

        /// <summary>Numbers from point to point.</summary>
        public long Size { get; }

        public float* Row(int tile) => _first + ((long)tile * _channels);
    }
}
