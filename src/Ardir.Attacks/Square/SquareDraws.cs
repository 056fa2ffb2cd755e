using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>
/// Random windows for each sample. The draws of a sample in a query are a hash of its stream and the number of the query. They are made for
/// a block of queries at once and copied to the device in one piece.
/// </summary>
internal sealed class SquareDraws(SquareOptions options, bool odd, int channels, int height, int width) : IDisposable
{
    private const int Block = 32;
    private const int Fixed = 3;   // two corners and the transposition; then one direction per channel

    private Tensor? _block;      // [queries, n, fixed + channels]
    private int _from;
    private Tensor? _offsets;    // offsets of the values of a window from its corner, [1, C*s*s]
    private int _side;

    /// <summary>Side of the windows of a query.</summary>
    public int Side(int query)
    {
        var share = SquareSchedule.Share(SquareSchedule.Place(query, options.Queries, options.RescaleSchedule), options.InitialProbability);
        return odd ? SquareSchedule.OddSide(share, height, width) : SquareSchedule.Side(share, height, width);
    }

    /// <summary>The windows of a query, in the scope of the caller.</summary>
    public SquareWindow Next(int query, Func<SampleStreams> streams, Device device)
    {
        if (_block is null || query >= _from + Block)
        {
            _from = query;
            _block?.Dispose();
            var keys = streams().Keys;
            _block = tensor(Draw(keys), [Block, keys.Length, Fixed + channels], device: device).DetachFromDisposeScope();
        }
        var row = _block.select(0, query - _from);
        var offsets = Offsets(Side(query), device);
        var first = row.narrow(1, 0, 1) + offsets;
        // Linf does not use a second window, and computing its positions takes time.
        var second = odd ? row.narrow(1, 1, 1) + offsets : first;
        return new SquareWindow(first, second, row.select(1, 2), row.narrow(1, Fixed, channels).unsqueeze(2));
    }

    /// <summary>Keeps some of the samples.</summary>
    public void Narrow(Tensor rows)
    {
        if (_block is null) return;
        var narrow = _block.index_select(1, rows).DetachFromDisposeScope();
        _block.Dispose();
        _block = narrow;
    }

    public void Dispose()
    {
        _block?.Dispose();
        _offsets?.Dispose();
    }

    /// <summary>How many corners there are along an axis.</summary>
    public static int Corners(int size, int side, bool official) => official ? Math.Max(size - side, 1) : size - side + 1;

    private long[] Draw(ReadOnlySpan<ulong> keys)
    {
        var entries = Fixed + channels;
        var values = new long[Block * keys.Length * entries];
        for (var q = 0; q < Block; q++)
        {
            var side = Side(_from + q);
            var (rows, columns) = (Corners(height, side, options.OfficialWindows), Corners(width, side, options.OfficialWindows));
            for (var i = 0; i < keys.Length; i++)
            {
                var state = SeedMixer.Mix(keys[i], (ulong)(_from + q));
                var into = values.AsSpan((q * keys.Length + i) * entries, entries);
                into[0] = SeedMixer.ToInt(SeedMixer.Next(ref state), rows) * width + SeedMixer.ToInt(SeedMixer.Next(ref state), columns);
                into[1] = SeedMixer.ToInt(SeedMixer.Next(ref state), rows) * width + SeedMixer.ToInt(SeedMixer.Next(ref state), columns);
                for (var c = 2; c < entries; c++) into[c] = (long)(SeedMixer.Next(ref state) >> 63);
            }
        }
        return values;
    }

    private Tensor Offsets(int side, Device device)
    {
        if (_offsets is not null && side == _side) return _offsets;
        var values = new long[channels * side * side];
        for (int c = 0, at = 0; c < channels; c++)
            for (var row = 0; row < side; row++)
                for (var column = 0; column < side; column++)
                    values[at++] = (c * (long)height + row) * width + column;
        _offsets?.Dispose();
        (_side, _offsets) = (side, tensor(values, [1, values.Length], device: device).DetachFromDisposeScope());
        return _offsets;
    }
}
