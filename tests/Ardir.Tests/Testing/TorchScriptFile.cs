using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text;

namespace Ardir.Tests;

/// <summary>Writes a linear model as a TorchScript archive, which TorchSharp can load but not make.</summary>
internal static class TorchScriptFile
{
    private const string Code = """
        class Linear(Module):
          __parameters__ = ["weight", "bias", ]
          __buffers__ = []
          weight : Tensor
          bias : Tensor
          training : bool
          def forward(self: __torch__.Linear, input: Tensor) -> Tensor:
            return torch.linear(torch.flatten(input, 1), self.weight, self.bias)

        """;

    public static void Write(string path, LinearModel model)
    {
        using var zip = ZipFile.Open(path, ZipArchiveMode.Create);
        void Add(string name, byte[] content)
        {
            using var entry = zip.CreateEntry($"linear/{name}", CompressionLevel.NoCompression).Open();
            entry.Write(content);
        }
        Add("version", "3\n"u8.ToArray());
        Add("code/__torch__.py", Encoding.ASCII.GetBytes(Code.Replace("\r", "", StringComparison.Ordinal)));
        Add("constants.pkl", [0x80, 2, (byte)')', (byte)'.']);
        Add("data.pkl", Pickle(model));
        Add("data/0", Bytes(model.Weight));
        Add("data/1", Bytes(model.Bias));
    }

    private static byte[] Bytes(Tensor values) => MemoryMarshal.AsBytes<float>(values.detach().to(ScalarType.Float32).data<float>().ToArray()).ToArray();

    private static byte[] Pickle(LinearModel model)
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        writer.Write("\x02"u8.ToArray().Prepend((byte)0x80).ToArray());
        writer.Write("c__torch__\nLinear\n)"u8);
        writer.Write((byte)0x81);
        writer.Write("}("u8);
        Tensor(writer, "weight", "0", model.Weight.shape);
        Tensor(writer, "bias", "1", model.Bias.shape);
        Text(writer, "training");
        writer.Write((byte)0x88);
        writer.Write("ub."u8);
        writer.Flush();
        return stream.ToArray();
    }

    // torch._utils._rebuild_tensor_v2(storage, offset, shape, strides, requires_grad, hooks), the storage by its persistent id.
    private static void Tensor(BinaryWriter writer, string name, string file, long[] shape)
    {
        Text(writer, name);
        writer.Write("ctorch._utils\n_rebuild_tensor_v2\n(("u8);
        Text(writer, "storage");
        writer.Write("ctorch\nFloatStorage\n"u8);
        Text(writer, file);
        Text(writer, "cpu");
        Number(writer, shape.Aggregate(1L, (product, size) => product * size));
        writer.Write("tQ"u8);
        Number(writer, 0);
        Numbers(writer, shape);
        Numbers(writer, shape.Length == 2 ? [shape[1], 1] : [1]);
        writer.Write((byte)0x88);
        writer.Write("ccollections\nOrderedDict\n)RtR"u8);
    }

    private static void Numbers(BinaryWriter writer, long[] values)
    {
        writer.Write((byte)'(');
        foreach (var value in values) Number(writer, value);
        writer.Write((byte)'t');
    }

    private static void Number(BinaryWriter writer, long value)
    {
        writer.Write((byte)'J');
        writer.Write((int)value);
    }

    private static void Text(BinaryWriter writer, string text)
    {
        writer.Write((byte)'X');
        writer.Write(text.Length);
        writer.Write(Encoding.ASCII.GetBytes(text));
    }
}
