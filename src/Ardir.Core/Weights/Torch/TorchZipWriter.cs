using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace Ardir.Core;

/// <summary>Writes a state dictionary as torch.save does, with nothing that PyTorch refuses under <c>weights_only=True</c>.</summary>
internal static class TorchZipWriter
{
    public static void Write(string path, IEnumerable<KeyValuePair<string, Tensor>> state)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var entries = state.Select(pair => (pair.Key, Value: HostRead.OnHost(pair.Value))).ToList();
        var pickle = Pickle(entries);
        AtomicFile.Write(path, stream =>
        {
            using var archive = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true);
            Add(archive, "archive/data.pkl", pickle);
            Add(archive, "archive/byteorder", "little"u8);
            for (var i = 0; i < entries.Count; i++) AddValues(archive, $"archive/data/{i}", entries[i].Value);
            Add(archive, "archive/version", "3\n"u8);
        });
    }

    private static void Add(ZipArchive archive, string name, ReadOnlySpan<byte> content)
    {
        using var stream = archive.CreateEntry(name, CompressionLevel.NoCompression).Open();
        stream.Write(content);
    }

    private static void AddValues(ZipArchive archive, string name, Tensor value)
    {
        using var stream = archive.CreateEntry(name, CompressionLevel.NoCompression).Open();
        RawTensor.Write(stream, value);
    }

    private static byte[] Pickle(List<(string Key, Tensor Value)> entries)
    {
        using var stream = new MemoryStream();
        var writer = new Writer(stream);
        writer.Bytes(0x80, 2);
        writer.EmptyOrderedDict();
        writer.Bytes((byte)'(');
        for (var i = 0; i < entries.Count; i++)
        {
            var (key, value) = entries[i];
            writer.Text(key);
            writer.Global("torch._utils", "_rebuild_tensor_v2");
            writer.Bytes((byte)'(', (byte)'(');
            writer.Text("storage");
            writer.Global("torch", TorchNames.StorageName(value.dtype, key)["torch.".Length..]);
            writer.Text($"{i}");
            writer.Text("cpu");
            writer.Number(value.numel());
            writer.Bytes((byte)'t', (byte)'Q');
            writer.Number(0);
            writer.Numbers(value.shape);
            writer.Numbers(value.stride());
            writer.Bytes(0x89);
            writer.EmptyOrderedDict();
            writer.Bytes((byte)'t', (byte)'R');
        }
        writer.Bytes((byte)'u', (byte)'.');
        return stream.ToArray();
    }

    private sealed class Writer(MemoryStream stream)
    {
        public void Bytes(params ReadOnlySpan<byte> codes) => stream.Write(codes);

        public void EmptyOrderedDict()
        {
            Global("collections", "OrderedDict");
            Bytes((byte)')', (byte)'R');
        }

        public void Global(string module, string name) => stream.Write(Encoding.ASCII.GetBytes($"c{module}\n{name}\n"));

        public void Text(string text)
        {
            var bytes = Encoding.UTF8.GetBytes(text);
            Bytes((byte)'X');
            Int32(bytes.Length);
            stream.Write(bytes);
        }

        public void Numbers(long[] values)
        {
            Bytes((byte)'(');
            foreach (var value in values) Number(value);
            Bytes((byte)'t');
        }

        public void Number(long value)
        {
            if (value is >= int.MinValue and <= int.MaxValue)
            {
                Bytes((byte)'J');
                Int32((int)value);
                return;
            }
            Bytes(0x8a, 8);
            Span<byte> bytes = stackalloc byte[8];
            BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
            stream.Write(bytes);
        }

        private void Int32(int value)
        {
            Span<byte> bytes = stackalloc byte[4];
            BinaryPrimitives.WriteInt32LittleEndian(bytes, value);
            stream.Write(bytes);
        }
    }
}
