namespace Ardir.Distillation;

/// <summary>Exchanges many tensors in few calls: their values are laid one after the other into buckets of about 25 MB.</summary>
internal static class TensorBuckets
{
    /// <summary>Bytes of a bucket. One larger tensor is a bucket of its own.</summary>
    public const long Size = 25L << 20;

    /// <summary>Replaces the values of tensors by what an exchange makes of them.</summary>
    /// <param name="tensors">Of any dtype, in the same order and of the same shapes at every rank.</param>
    /// <param name="exchange">Changes a flat tensor in place, of float32, float64 or int64.</param>
    /// <param name="size">Bytes of a bucket.</param>
    public static void Exchange(IEnumerable<Tensor> tensors, Action<Tensor> exchange, long size = Size)
    {
        using var noGrad = no_grad();
        var open = new Dictionary<ScalarType, List<Tensor>>();
        foreach (var tensor in tensors)
        {
            var type = Wire(tensor.dtype);
            if (!open.TryGetValue(type, out var bucket)) open[type] = bucket = [];
            if (bucket.Count > 0 && (bucket.Sum(held => held.numel()) + tensor.numel()) * Width(type) > size) Send(bucket, type, exchange);
            bucket.Add(tensor);
        }
        foreach (var (type, bucket) in open) Send(bucket, type, exchange);
    }

    private static void Send(List<Tensor> bucket, ScalarType type, Action<Tensor> exchange)
    {
        using var scope = NewDisposeScope();
        var flat = cat([.. bucket.Select(tensor => tensor.detach().to(type).flatten())], 0);
        exchange(flat);
        var at = 0L;
        foreach (var tensor in bucket)
        {
            tensor.copy_(flat.narrow(0, at, tensor.numel()).reshape(tensor.shape));
            at += tensor.numel();
        }
        bucket.Clear();
    }

    // What a collective can carry without loss.
    private static ScalarType Wire(ScalarType type) => type switch
    {
        ScalarType.Float64 => ScalarType.Float64,
        ScalarType.Float32 or ScalarType.Float16 or ScalarType.BFloat16 => ScalarType.Float32,
        _ => ScalarType.Int64,
    };

    private static int Width(ScalarType type) => type == ScalarType.Float32 ? sizeof(float) : sizeof(double);
}
