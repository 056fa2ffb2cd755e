using System.Buffers.Binary;

namespace Ardir.Tests;

/// <summary>Damaged variants of a valid file, from a seed: cut, grown, repeated, spliced with noise, with flipped bits and overwritten numbers.</summary>
internal static class FileMutator
{
    private const int Edge = 600;

    // What formats give a meaning to: bounds of numbers, operations of pickles, marks of JSON.
    private static readonly byte[] _telling = [0x00, 0x01, 0x7F, 0x80, 0xFF, (byte)'(', (byte)')', (byte)'.', (byte)'c', (byte)'R', (byte)'Q', (byte)'{', (byte)'"', (byte)'9'];

    /// <summary>One variant.</summary>
    /// <param name="valid">A valid file, not empty.</param>
    /// <param name="random">Decides everything.</param>
    /// <param name="aim">Places that matter, where most of a file is pixels that may hold anything; both ends when empty.</param>
    public static byte[] Mutate(byte[] valid, Random random, IReadOnlyList<int>? aim = null)
    {
        int Where(int length) => aim is { Count: > 0 } && random.Next(4) > 0 ? Math.Min(aim[random.Next(aim.Count)], length - 1) : random.Next(3) switch
        {
            0 => random.Next(length),
            1 => random.Next(Math.Min(length, Edge)),
            _ => length - 1 - random.Next(Math.Min(length, Edge)),
        };

        switch (random.Next(10))
        {
            case 0: return valid[..random.Next(valid.Length)];
            case 1:
                var noise = new byte[random.Next(400)];
                random.NextBytes(noise);
                return [.. valid.AsSpan(0, Math.Min(random.Next(32), valid.Length)), .. noise];
            case 2: return [.. valid, .. valid.AsSpan(random.Next(valid.Length))];
            case 3:
                var (one, other) = (Where(valid.Length), Where(valid.Length));
                return [.. valid.AsSpan(0, Math.Min(one, other)), .. valid.AsSpan(Math.Max(one, other))];
            case 4:
                var at = Where(valid.Length);
                return [.. valid.AsSpan(0, at), .. valid.AsSpan(at, Math.Min(1 + random.Next(16), valid.Length - at)), .. valid.AsSpan(at)];
            default:
                var copy = valid.ToArray();
                for (var changes = 1 + random.Next(random.Next(2) == 0 ? 3 : 30); changes > 0; changes--) Change(copy, Where(copy.Length), random);
                return copy;
        }
    }

    private static void Change(byte[] bytes, int place, Random random)
    {
        switch (random.Next(6))
        {
            case 0: bytes[place] = (byte)random.Next(256); break;
            case 1: bytes[place] = _telling[random.Next(_telling.Length)]; break;
            case 2:
                Span<byte> number = stackalloc byte[8];
                var value = random.Next(6) switch { 0 => int.MaxValue, 1 => -1, 2 => 0, 3 => long.MaxValue, 4 => 1L << random.Next(63), _ => random.Next(100_000) };
                var width = random.Next(2) == 0 ? 4 : 8;
                if (random.Next(2) == 0) BinaryPrimitives.WriteInt64LittleEndian(number, value);
                else BinaryPrimitives.WriteInt64BigEndian(number, value << (8 * (8 - width)));
                number[..Math.Min(width, bytes.Length - place)].CopyTo(bytes.AsSpan(place));
                break;
            default: bytes[place] ^= (byte)(1 << random.Next(8)); break;
        }
    }
}
