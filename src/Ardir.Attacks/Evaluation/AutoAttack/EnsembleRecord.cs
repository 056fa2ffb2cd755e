using System.Buffers.Binary;
using System.Text.Json;
using System.Text.Json.Serialization;
using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>A finished batch as bytes, in a state file and on the way to other ranks: JSON, and the raw values of the adversarial
/// images.</summary>
internal static partial class EnsembleRecord
{
    private const int MaxData = 1_000_000_000;   // bytes; with the JSON a record must fit into a .NET array
    private const int LengthBytes = 4;

    /// <summary>The JSON of a batch.</summary>
    public static byte[] Json(EnsembleBatch batch) => JsonSerializer.SerializeToUtf8Bytes(batch, RecordJson.Default.EnsembleBatch);

    /// <summary>A batch from its JSON.</summary>
    public static EnsembleBatch Batch(ReadOnlySpan<byte> json) => JsonSerializer.Deserialize(json, RecordJson.Default.EnsembleBatch)!;

    /// <summary>The values of the adversarial images of a batch; none when null.</summary>
    /// <exception cref="InvalidOperationException">They are too many bytes.</exception>
    public static byte[] Data(EnsembleBatch batch, Tensor? points)
    {
        if (points is null) return [];
        using var plain = HostRead.OnHost(points);
        if (plain.numel() * plain.element_size() > MaxData)
            throw new InvalidOperationException(
                $"A batch broke {batch.Broken.Length} images of {TensorGuard.Shape(plain)}, too many bytes for a record of the state " +
                "file or a message to other processes. Choose a smaller BatchSize.");
        return plain.bytes.ToArray();
    }

    /// <summary>The adversarial images of a batch from their values, on the device of the clean images; null if it has none or belongs to
    /// the security curve.</summary>
    /// <exception cref="InvalidOperationException">The number of bytes does not fit.</exception>
    public static Tensor? Points(ReadOnlySpan<byte> data, EnsembleBatch batch, Tensor images)
    {
        if (batch.Broken.Length == 0 || batch.Epsilon is not null) return null;
        using var scope = NewDisposeScope();
        long[] shape = [batch.Broken.Length, .. images.shape[1..]];
        var points = empty(shape, images.dtype, CPU);
        if (points.bytes.Length != data.Length)
            throw new InvalidOperationException("A record of the state file does not fit the images.");
        data.CopyTo(points.bytes);
        return points.to(images.device).MoveToOuterDisposeScope();
    }

    /// <summary>How a batch travels to other ranks.</summary>
    /// <param name="images">The clean images.</param>
    public static RankCodec<(EnsembleBatch Batch, Tensor? Points)> Codec(Tensor images) => new(
        found =>
        {
            var (json, data) = (Json(found.Batch), Data(found.Batch, found.Batch.Epsilon is null ? found.Points : null));
            var bytes = new byte[LengthBytes + json.Length + data.Length];
            BinaryPrimitives.WriteInt32LittleEndian(bytes, json.Length);
            json.CopyTo(bytes, LengthBytes);
            data.CopyTo(bytes, LengthBytes + json.Length);
            return bytes;
        },
        bytes =>
        {
            var end = LengthBytes + BinaryPrimitives.ReadInt32LittleEndian(bytes);
            var batch = Batch(bytes.AsSpan(LengthBytes..end));
            return (batch, Points(bytes.AsSpan(end), batch, images));
        });

    /// <summary>How the logits of clean images travel to other ranks: dtype, classes, values.</summary>
    /// <param name="device">That of the images.</param>
    public static RankCodec<Tensor> Logits(Device device) => new(
        logits =>
        {
            using var plain = HostRead.OnHost(logits);
            var bytes = new byte[2 * LengthBytes + plain.bytes.Length];
            BinaryPrimitives.WriteInt32LittleEndian(bytes, (int)plain.dtype);
            BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(LengthBytes), (int)plain.shape[1]);
            plain.bytes.CopyTo(bytes.AsSpan(2 * LengthBytes));
            return bytes;
        },
        bytes =>
        {
            using var scope = NewDisposeScope();
            var dtype = (ScalarType)BinaryPrimitives.ReadInt32LittleEndian(bytes);
            var classes = BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(LengthBytes));
            var values = bytes.AsSpan(2 * LengthBytes);
            var logits = empty(values.Length / dtype.ElementSize() / classes, classes, dtype, CPU);
            values.CopyTo(logits.bytes);
            return logits.to(device).MoveToOuterDisposeScope();
        });

    [JsonSerializable(typeof(EnsembleBatch))]
    private sealed partial class RecordJson : JsonSerializerContext;
}
