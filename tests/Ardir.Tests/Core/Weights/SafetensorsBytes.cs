using System.Buffers.Binary;
using System.Text;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>Safetensors files byte by byte, without the library.</summary>
internal static class SafetensorsBytes
{
    public static byte[] Of(string header, int dataLength) => Of(Encoding.UTF8.GetBytes(header), new byte[dataLength]);

    public static byte[] Of(byte[] header, byte[] data)
    {
        var length = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)header.Length);
        return [.. length, .. header, .. data];
    }

    public static (string Header, byte[] Data) Split(byte[] file)
    {
        var length = (int)BinaryPrimitives.ReadUInt64LittleEndian(file);
        return (Encoding.UTF8.GetString(file, 8, length), file[(8 + length)..]);
    }

    /// <summary>Reads and disposes; what went wrong, if anything did.</summary>
    public static Exception? Try(byte[] file, TemporaryFolder folder)
    {
        var path = folder.File("crafted.safetensors");
        File.WriteAllBytes(path, file);
        return Record.Exception(() =>
        {
            foreach (var tensor in SafetensorsFile.Read(path).Tensors.Values) tensor.Dispose();
        });
    }
}
