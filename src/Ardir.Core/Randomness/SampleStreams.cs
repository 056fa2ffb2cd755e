namespace Ardir.Core;

/// <summary>
/// One independent random stream per sample: value j of a draw is a hash of (stream key, draw number, j). A sample gets the same noise in
/// any batch and on any device, and no global generator is used. The numbers are computed on the CPU in managed code (about a nanosecond
/// each) and copied to the device in one transfer.
/// </summary>
public sealed class SampleStreams
{
    private readonly ulong[] _keys;
    private ulong _draw;

    /// <summary>Streams with keys of your own.</summary>
    /// <param name="keys">One key per sample; equal keys draw equal numbers.</param>
    public SampleStreams(ulong[] keys)
    {
        ArgumentNullException.ThrowIfNull(keys);
        _keys = keys;
    }

    /// <summary>The key of each sample's stream, for code that draws single integers from it directly, many times.</summary>
    public ReadOnlySpan<ulong> Keys => _keys;

    /// <summary>Streams for samples 0..count-1, or for the given data-set indices.</summary>
    /// <param name="seed">The seed of the run.</param>
    /// <param name="indices">The number of each sample in its data set; their positions in the batch when null.</param>
    /// <param name="count">The number of samples.</param>
    /// <returns>One stream per sample.</returns>
    /// <exception cref="ArgumentException">There are not as many indices as samples.</exception>
    public static SampleStreams ForSamples(ulong seed, IReadOnlyList<long>? indices, int count)
    {
        if (indices is not null && indices.Count != count)
            throw new ArgumentException(
                $"There are {indices.Count} sample indices for {count} images; expected one per image.", nameof(indices));
        var keys = new ulong[count];
        for (var i = 0; i < count; i++) keys[i] = SeedMixer.Mix(seed, (ulong)(indices?[i] ?? i));
        return new SampleStreams(keys);
    }

    /// <summary>Streams for one purpose (an attack, a restart), independent of those for any other purpose.</summary>
    /// <param name="purpose">A number for the purpose, for example of <see cref="SeedMixer.Mix(ulong, string)"/>.</param>
    /// <returns>New streams for the same samples, before their first draw.</returns>
    public SampleStreams Derive(ulong purpose) => new([.. _keys.Select(key => SeedMixer.Mix(key, purpose))]);

    /// <summary>The streams of some of the samples, in the given order.</summary>
    /// <param name="rows">Positions of the samples among these streams.</param>
    /// <returns>New streams with the same keys, before their first draw.</returns>
    public SampleStreams Select(ReadOnlySpan<long> rows)
    {
        var keys = new ulong[rows.Length];
        for (var i = 0; i < rows.Length; i++) keys[i] = _keys[rows[i]];
        return new SampleStreams(keys);
    }

    /// <summary>U(low,high), shaped like <paramref name="like"/>.</summary>
    /// <param name="like">Floating point [N,...], one sample per stream.</param>
    /// <param name="low">The smallest value.</param>
    /// <param name="high">The bound above, which is not drawn itself.</param>
    /// <returns>The numbers, in the dtype and on the device of <paramref name="like"/>, owned by the caller.</returns>
    public Tensor Uniform(Tensor like, double low, double high) =>
        Fill(like.shape, like, (bits, _) => low + (high - low) * SeedMixer.ToUnit(bits));

    /// <summary>U(low,high), one number per sample: [N].</summary>
    /// <param name="like">Floating point [N,...], one sample per stream.</param>
    /// <param name="low">The smallest value.</param>
    /// <param name="high">The bound above, which is not drawn itself.</param>
    /// <returns>The numbers, in the dtype and on the device of <paramref name="like"/>, owned by the caller.</returns>
    public Tensor UniformPerSample(Tensor like, double low, double high) =>
        Fill([like.shape[0]], like, (bits, _) => low + (high - low) * SeedMixer.ToUnit(bits));

    /// <summary>N(0,1) by Box-Muller, shaped like <paramref name="like"/>.</summary>
    /// <param name="like">Floating point [N,...], one sample per stream.</param>
    /// <returns>The numbers, in the dtype and on the device of <paramref name="like"/>, owned by the caller.</returns>
    public Tensor Normal(Tensor like) => Fill(like.shape, like, static (bits, again) =>
        Math.Sqrt(-2 * Math.Log(1 - SeedMixer.ToUnit(bits))) * Math.Cos(2 * Math.PI * SeedMixer.ToUnit(again)));

    /// <summary>-1 or +1 with probability 1/2, never 0.</summary>
    /// <param name="like">Floating point [N,...], one sample per stream.</param>
    /// <returns>The numbers, in the dtype and on the device of <paramref name="like"/>, owned by the caller.</returns>
    public Tensor Signs(Tensor like) => Fill(like.shape, like, static (bits, _) => (bits >> 63) == 0 ? -1 : 1);

    private Tensor Fill(long[] shape, Tensor like, Func<ulong, ulong, double> value)
    {
        // A batch of another size would silently draw zeros or numbers of other samples.
        if (shape[0] != _keys.Length)
            throw new ArgumentException($"There are {_keys.Length} streams for {shape[0]} samples; expected one each.", nameof(like));
        var draw = ++_draw;
        var total = 1L;
        foreach (var size in shape) total = checked(total * size);
        var perSample = checked((int)(total / shape[0]));
        if (like.dtype == ScalarType.Float64)
        {
            var doubles = new double[total];
            for (var i = 0; i < _keys.Length; i++)
                Stream(_keys[i], draw, value, doubles.AsSpan(i * perSample, perSample));
            return tensor(doubles, shape, ScalarType.Float64, like.device);
        }
        var floats = new float[total];
        Span<double> buffer = new double[perSample];
        for (var i = 0; i < _keys.Length; i++)
        {
            Stream(_keys[i], draw, value, buffer);
            for (var j = 0; j < perSample; j++) floats[i * perSample + j] = (float)buffer[j];
        }
        return Transfer.Of(floats, shape, like.dtype, like.device);
    }

    private static void Stream(ulong key, ulong draw, Func<ulong, ulong, double> value, Span<double> into)
    {
        var state = SeedMixer.Mix(key, draw);
        for (var j = 0; j < into.Length; j++)
            into[j] = value(SeedMixer.Next(ref state), SeedMixer.Next(ref state));
    }
}
