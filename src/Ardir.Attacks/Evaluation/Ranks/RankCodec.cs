using System.Buffers.Binary;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Ardir.Attacks;

/// <summary>How a result travels from one rank to the others.</summary>
/// <typeparam name="T">The type of the result.</typeparam>
/// <param name="Write">The bytes of a result.</param>
/// <param name="Read">The same result from its bytes.</param>
internal sealed record RankCodec<T>(Func<T, byte[]> Write, Func<byte[], T> Read);

/// <summary>Results that are no tensors.</summary>
internal static class RankCodec
{
    /// <summary>A whole number.</summary>
    public static RankCodec<long> Int64 { get; } = new(
        value =>
        {
            var bytes = new byte[sizeof(long)];
            BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
            return bytes;
        },
        bytes => BinaryPrimitives.ReadInt64LittleEndian(bytes));

    /// <summary>Anything that is written as JSON.</summary>
    public static RankCodec<T> Json<T>(JsonTypeInfo<T> type) => new(
        value => JsonSerializer.SerializeToUtf8Bytes(value, type), bytes => JsonSerializer.Deserialize(bytes, type)!);
}
