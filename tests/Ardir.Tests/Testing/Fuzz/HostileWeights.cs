using System.Buffers.Binary;
using System.Text;

namespace Ardir.Tests;

/// <summary>Files of weights that were never valid: made to be large, to overlap, to leave their folder, to run something.</summary>
internal static class HostileWeights
{
    private const int BombBytes = 8 << 20;

    private static readonly byte[] _legacyHead =
    [
        0x80, 2, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E, 0x80, 2, (byte)'M', 0xE9, 3, (byte)'.',
        0x80, 2, (byte)'}', (byte)'U', 13, .. "little_endian"u8, 0x88, (byte)'s', (byte)'.',
    ];

    // Made once: to pack them anew for each input would take most of the time.
    private static readonly Lazy<ZipBytes.Part> _zeros = new(() => ZipBytes.Part.Deflated("a/data/0", new byte[BombBytes]));
    private static readonly Lazy<ZipBytes.Part> _texts = new(() => ZipBytes.Part.Deflated("a/data.pkl", [0x80, 2, .. Enumerable.Repeat<byte[]>([(byte)'U', 255, .. new byte[255]], 20_000).SelectMany(text => text)]));
    private static readonly Lazy<ZipBytes.Part> _dictionaries = new(() => ZipBytes.Part.Deflated("a/data.pkl", [0x80, 2, .. Enumerable.Repeat((byte)'}', BombBytes)]));

    public static byte[] Zip(Random random)
    {
        var pickle = PickleBytes.Of(PickleBytes.StateDict("w", 6, 0, [2, 3], [3, 1]));
        ZipBytes.Part valid = new("a/data.pkl", pickle), values = new("a/data/0", new byte[24]);
        switch (random.Next(12))
        {
            case 0: return ZipBytes.Of([valid, values, new(PickleBytes.Name(random), [1, 2, 3])]);
            case 1: return ZipBytes.Of([valid, values with { Length = (uint)PickleBytes.Odd(random), Packed = random.Next(2) == 0 ? null : (uint)PickleBytes.Odd(random) }]);
            case 2: return ZipBytes.Of([valid with { Length = (uint)PickleBytes.Odd(random), Method = (ushort)random.Next(16), Flags = (ushort)random.Next(65536) }, values]);
            case 3: return Overlapping(random);
            case 4: return ZipBytes.Of([ZipBytes.Part.Deflated("a/data.pkl", pickle), ZipBytes.Part.Deflated("a/data/0", new byte[24]) with { Length = (uint)random.Next(100) }]);
            case 5 when random.Next(50) == 0: return ZipBytes.Of([new("a/data.pkl", PickleBytes.Of(PickleBytes.StateDict("w", BombBytes / 4, 0, [1 + random.Next(BombBytes / 4)], [random.Next(2)]))), _zeros.Value]);
            case 6 when random.Next(50) == 0: return ZipBytes.Of([random.Next(2) == 0 ? _texts.Value : _dictionaries.Value, values]);
            case 7: return ZipBytes.Of([valid, values, .. Enumerable.Range(0, random.Next(2000)).Select(i => new ZipBytes.Part($"a/data/{i % (1 + random.Next(2000))}", []))]);
            default: return ZipBytes.Of([new("a/data.pkl", PickleBytes.Hostile(random)), values]);
        }
    }

    public static byte[] Legacy(Random random)
    {
        var count = random.Next(2) == 0 ? 6 : PickleBytes.Odd(random);
        var valid = PickleBytes.Of(PickleBytes.StateDict("w", count, 0, [2, 3], [3, 1], legacy: true));
        string[] keys = random.Next(4) switch { 0 => ["]", "U\u00010", "a", "U\u00010", "a", "."], 1 => ["]", "U\u00011", "a", "."], 2 => ["."], _ => ["]", "U\u00010", "a", "."] };
        byte[] root = random.Next(3) > 0 ? PickleBytes.Hostile(random, legacy: true) : valid;
        return [.. _legacyHead, .. root, .. PickleBytes.Of(keys), .. BitConverter.GetBytes(random.Next(2) == 0 ? count : PickleBytes.Odd(random)), .. new byte[random.Next(30)]];
    }

    public static byte[] Safetensors(Random random)
    {
        string Value() => random.Next(12) switch
        {
            0 => "-1", 1 => "1e3", 2 => "1.0", 3 => "18446744073709551616", 4 => "null", 5 => "\"4\"", 6 => "[4]", 7 => "00", _ => $"{PickleBytes.Odd(random)}",
        };
        string Row(int count) => $"[{string.Join(',', Enumerable.Range(0, count).Select(_ => Value()))}]";
        string[] types = ["F32", "F64", "BOOL", "I64", "BF16", "F8_E4M3", "C64", "", "\\u0000", "f32"];
        string Entry(string body) => $"{Json(PickleBytes.Name(random))}:{body}";
        var header = new StringBuilder("{");
        for (var i = random.Next(5); i >= 0; i--)
        {
            var (begin, end) = random.Next(3) == 0 ? ($"{4 * random.Next(4)}", $"{4 * random.Next(5)}") : (Value(), Value());
            header.Append(random.Next(8) switch
            {
                0 => $"\"__metadata__\":{{\"k\":{Value()}}}",
                1 => Entry(new string('[', 1 << random.Next(14))),
                2 => Entry($"{{\"dtype\":\"F32\",\"shape\":{Row(random.Next(40))},\"data_offsets\":[0,4],\"more\":1}}"),
                3 => Entry(Value()),
                _ => Entry($"{{\"dtype\":\"{types[random.Next(types.Length)]}\",\"shape\":{Row(random.Next(4))},\"data_offsets\":[{begin},{end}]}}"),
            });
            if (i > 0) header.Append(',');
        }
        var json = Encoding.UTF8.GetBytes(header.Append('}').ToString());
        if (random.Next(6) == 0) json = FileMutator.Mutate(json, random);
        var length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, random.Next(10) == 0 ? PickleBytes.Odd(random) : json.Length);
        return [.. length, .. json, .. new byte[random.Next(20)]];
    }

    // Many entries that are the same bytes of the archive, each of them one storage.
    private static byte[] Overlapping(Random random)
    {
        var count = 2 + random.Next(60);
        var operations = new List<string> { "}", "(" };
        for (var i = 0; i < count; i++)
        {
            var one = PickleBytes.StateDict($"w{i}", 4096, 0, [1 + random.Next(5000)], [1]);
            operations.AddRange(one[1..^2].Select(operation => operation == "U\u00010" ? PickleBytes.Text($"{i}") : operation));
        }
        operations.AddRange(["u", "."]);
        var packed = ZipBytes.Part.Deflated("a/data/0", new byte[4 * 4096]);
        return ZipBytes.Of([new("a/data.pkl", PickleBytes.Of(operations)), packed, .. Enumerable.Range(1, count - 1).Select(i => packed with { Name = $"a/data/{i}", SameAs = 1 })]);
    }

    private static string Json(string text) => System.Text.Json.JsonSerializer.Serialize(text);
}
