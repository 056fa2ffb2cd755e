namespace Ardir.Distributed;

/// <summary>
/// What must be equal at all ranks before they exchange anything. MPI itself does not compare: ranks that disagree would wait for ever or
/// receive the values of something else.
/// </summary>
/// <param name="Kind">What is called.</param>
/// <param name="Dtype">Of the tensor; 0 where there is none.</param>
/// <param name="Values">How many values have to agree: all of a tensor, or of one row.</param>
/// <param name="Shape">A hash of the dimensions that have to agree.</param>
/// <param name="Detail">The reduction or the root.</param>
internal sealed record Call(CallKind Kind, long Dtype, long Values, long Shape, long Detail)
{
    public const int Numbers = 5;

    public static Call Without(CallKind kind) => new(kind, 0, 0, 0, 0);

    /// <summary>A call with a tensor.</summary>
    /// <param name="kind">What is called.</param>
    /// <param name="tensor">Its tensor.</param>
    /// <param name="from">The first dimension that has to agree.</param>
    /// <param name="detail">The reduction or the root.</param>
    public static Call With(CallKind kind, Tensor tensor, int from, long detail)
    {
        var (values, shape) = (1L, 17L);
        foreach (var length in tensor.shape.Skip(from)) (values, shape) = (values * length, unchecked((shape * 1_000_003) ^ length));
        // The largest of all ranks' negated hashes is compared, and the smallest number has no negative.
        return new Call(kind, 1 + (long)tensor.dtype, values, shape & long.MaxValue, detail);
    }

    public void Write(Span<long> to) => (to[0], to[1], to[2], to[3], to[4]) = ((long)Kind, Dtype, Values, Shape, Detail);

    public static Call Read(ReadOnlySpan<long> from) => new((CallKind)from[0], from[1], from[2], from[3], from[4]);

    public override string ToString() => Kind switch
    {
        CallKind.AllReduce => $"AllReduce({Tensor}, {(Reduction)Detail})",
        CallKind.Broadcast => $"Broadcast({Tensor}, root {Detail})",
        CallKind.AllGather => $"AllGather({Tensor} per row)",
        CallKind.Barrier => "Barrier()",
        _ => "Dispose(), at the end of its program",
    };

    // Shapes with equally many values differ in their hash only.
    private string Tensor => $"{(ScalarType)(Dtype - 1)}, {Values} values, shape with the hash {Shape % 100_000:X}";
}
