namespace Ardir.Distributed;

/// <summary>Moves the values of tensors by MPI. All ranks call every method alike, which <see cref="Agree"/> makes sure of.</summary>
internal sealed class MpiExchange(MpiLibrary library, int rank, int size)
{
    private readonly MpiConstants _constants = library.Constants;
    private readonly bool _isCudaAware = library.IsCudaAware;

    /// <summary>MPI counts values in 32 bits, so larger tensors go in pieces of this many bytes. Smaller in tests only.</summary>
    public long PieceBytes { get; set; } = 1L << 30;

    /// <summary>Returns when all ranks have made the same call.</summary>
    /// <exception cref="MpiException">They have made different ones. All ranks throw it, and can go on.</exception>
    public unsafe void Agree(Call call)
    {
        if (size == 1) return;
        // The largest value and the largest negated value are equal but for the sign where all ranks have the same.
        Span<long> numbers = stackalloc long[2 * Call.Numbers];
        call.Write(numbers);
        for (var i = 0; i < Call.Numbers; i++) numbers[Call.Numbers + i] = -numbers[i];
        fixed (long* at = numbers) library.AllReduce((nint)at, numbers.Length, _constants.Int64, _constants.Max);
        for (var i = 0; i < Call.Numbers; i++)
            if (numbers[i] != -numbers[Call.Numbers + i]) throw Disagreement(call);
    }

    public void AllReduce(Tensor values, Reduction reduction) => InPlace(values, (address, count, type) =>
        library.AllReduce(address, count, type, _constants.Operation(reduction)));

    public void Broadcast(Tensor values, int root) => InPlace(values, (address, count, type) =>
        library.Broadcast(address, count, type, root));

    /// <summary>
    /// The largest value of floating-point tensors, NaN where any is NaN, as libtorch has it. MPI leaves open what the maximum of a number
    /// and NaN is, and of 0 and -0: ranks could receive different bits.
    /// </summary>
    public void LargestFloats(Tensor values)
    {
        using var scope = NewDisposeScope();
        var isNan = values.isnan();
        var numbers = values.masked_fill(isNan, double.NegativeInfinity) + zeros_like(values);   // -0 + 0 is 0
        var marks = isNan.to(ScalarType.Byte);
        AllReduce(numbers, Reduction.Max);
        AllReduce(marks, Reduction.Max);
        values.copy_(numbers.masked_fill(marks.to(ScalarType.Bool), double.NaN));
    }

    /// <summary>The rows of all ranks, on the CPU, owned by the caller.</summary>
    /// <param name="values">[n,...] on any device; all but n are the same at every rank.</param>
    public Tensor AllGather(Tensor values)
    {
        using var scope = NewDisposeScope();
        var rows = OfAll(values.shape[0]);
        var own = values.device_type == DeviceType.CPU ? values.detach().contiguous() : HostRead.OnHost(values);
        var all = empty([rows.Sum(), .. values.shape.Skip(1)], dtype: values.dtype, device: CPU);
        if (all.numel() == 0) return all.MoveToOuterDisposeScope();
        if (all.numel() * all.element_size() <= PieceBytes) GatherAtOnce(own, all, rows);
        else GatherByRank(own, all, rows);
        return all.MoveToOuterDisposeScope();
    }

    /// <summary>A number of each rank.</summary>
    public unsafe long[] OfAll(long own)
    {
        var all = new long[size];
        fixed (long* at = all) library.AllGather((nint)(&own), 1, _constants.Int64, (nint)at);
        return all;
    }

    private void GatherAtOnce(Tensor own, Tensor all, long[] rows)
    {
        var perRow = all.numel() / all.shape[0];
        var counts = Array.ConvertAll(rows, count => (int)(count * perRow));
        var address = own.numel() == 0 ? 0 : TensorMemory.AddressOf(own);
        library.AllGather(address, _constants.Type(all.dtype), TensorMemory.AddressOf(all), counts, rank);
        GC.KeepAlive(own);
        GC.KeepAlive(all);
    }

    // The positions of many values do not fit in MPI's 32 bits: each rank sends its rows to all others instead.
    private void GatherByRank(Tensor own, Tensor all, long[] rows)
    {
        for (var (root, start) = (0, 0L); root < size; start += rows[root++])
        {
            var place = all.narrow(0, start, rows[root]);
            if (root == rank) place.copy_(own);
            Broadcast(place, root);
        }
    }

    // MPI reads and writes the tensor's own memory where it can, otherwise a copy.
    private void InPlace(Tensor values, Action<nint, int, nint> exchange)
    {
        if (values.numel() == 0) return;
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var buffer = Reachable(values);
        var (address, type, bytes) = (TensorMemory.AddressOf(buffer), _constants.Type(values.dtype), values.element_size());
        var piece = Math.Max(1, PieceBytes / bytes);
        for (long done = 0, all = values.numel(); done < all; done += piece)
            exchange(address + (nint)(done * bytes), (int)Math.Min(piece, all - done), type);
        if (!ReferenceEquals(buffer, values)) values.copy_(buffer);
        GC.KeepAlive(buffer);
    }

    private Tensor Reachable(Tensor values)
    {
        if (values.device_type == DeviceType.CPU) return values.is_contiguous() ? values : values.contiguous();
        if (_isCudaAware && values.device_type == DeviceType.CUDA && values.is_contiguous())
        {
            // MPI knows nothing of the work that is queued for the GPU.
            cuda.synchronize(values.device);
            return values;
        }
        var host = empty(values.shape, dtype: values.dtype, device: CPU);
        return HostRead.Into(values.device_type == DeviceType.CUDA ? host.pin_memory() : host, values);
    }

    private unsafe MpiException Disagreement(Call own)
    {
        var all = new long[size * Call.Numbers];
        Span<long> numbers = stackalloc long[Call.Numbers];
        own.Write(numbers);
        fixed (long* from = numbers)
        fixed (long* to = all)
            library.AllGather((nint)from, Call.Numbers, _constants.Int64, (nint)to);
        var byCall = Enumerable.Range(0, size).GroupBy(one => Call.Read(all.AsSpan(one * Call.Numbers, Call.Numbers)))
            .Select(group => $"{Ranks([.. group])} called {group.Key}");
        return new MpiException(
            $"The ranks made different calls: {string.Join("; ", byCall)}. Every rank must make the same calls in the same order with " +
            "tensors of the same dtype and shape.");
    }

    private static string Ranks(int[] ranks) => ranks.Length == 1 ? $"rank {ranks[0]}"
        : $"ranks {string.Join(", ", ranks.Take(8))}{(ranks.Length > 8 ? $" and {ranks.Length - 8} more" : "")}";
}
