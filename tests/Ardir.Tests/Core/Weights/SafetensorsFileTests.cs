using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using Ardir.Core;

namespace Ardir.Tests;

public sealed class SafetensorsFileTests
{
    private static readonly ScalarType[] _types =
    [
        ScalarType.Bool, ScalarType.Byte, ScalarType.Int8, ScalarType.Int16, ScalarType.Int32, ScalarType.Int64,
        ScalarType.Float16, ScalarType.BFloat16, ScalarType.Float32, ScalarType.Float64,
    ];

    [Fact]
    public void WriteThenRead_EveryDtypeAndShape_GivesTheSameBytes()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var tensors = new Dictionary<string, Tensor>();
        foreach (var type in _types)
        {
            tensors[$"{type}.matrix"] = TinyModels.Random([3, 5], 4, ScalarType.Float64, -100, 100).to(type);
            tensors[$"{type}.scalar"] = TinyModels.Random([1], 5, ScalarType.Float64, -100, 100).to(type).reshape();
            tensors[$"{type}.empty"] = zeros(0, 4, dtype: type);
        }
        var path = folder.File("all.safetensors");
        SafetensorsFile.Write(path, tensors, new Dictionary<string, string> { ["a\"b"] = "ü\n", ["empty"] = "" });
        var (read, metadata) = SafetensorsFile.Read(path);
        metadata.Should().BeEquivalentTo(new Dictionary<string, string> { ["a\"b"] = "ü\n", ["empty"] = "" });
        read.Keys.Should().BeEquivalentTo(tensors.Keys);
        foreach (var (name, value) in tensors)
        {
            read[name].dtype.Should().Be(value.dtype, name);
            read[name].shape.Should().Equal(value.shape);
            if (value.numel() > 0) read[name].bytes.ToArray().Should().Equal(value.contiguous().bytes.ToArray());
        }
    }

    [Fact]
    public void WriteThenRead_SpecialFloats_KeepsTheirBits()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var values = tensor(new[] { float.NaN, float.PositiveInfinity, float.NegativeInfinity, -0f, float.Epsilon, float.MaxValue });
        SafetensorsFile.Write(folder.File("x"), new Dictionary<string, Tensor> { ["x"] = values });
        SafetensorsFile.Read(folder.File("x")).Tensors["x"].bytes.ToArray().Should().Equal(values.bytes.ToArray());
    }

    [Fact]
    public void Read_FileMadeByHand_GivesItsValues()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        // Entries out of order, data not aligned, header padded: all allowed.
        const string Header = """{"w":{"dtype":"F32","shape":[2,1],"data_offsets":[3,11]},"__metadata__":{"k":"v"},"b":{"data_offsets":[0,3],"shape":[3],"dtype":"U8"},"e":{"dtype":"I64","shape":[0],"data_offsets":[3,3]}}   """;
        byte[] data = [7, 8, 255, 0, 0, 0x80, 0x3F, 0, 0, 0x20, 0xC0];   // 1.0f and -2.5f, little-endian
        File.WriteAllBytes(folder.File("x"), SafetensorsBytes.Of(Encoding.UTF8.GetBytes(Header), data));
        var (tensors, metadata) = SafetensorsFile.Read(folder.File("x"));
        tensors["b"].data<byte>().ToArray().Should().Equal(7, 8, 255);
        tensors["w"].data<float>().ToArray().Should().Equal(1f, -2.5f);
        tensors["w"].shape.Should().Equal(2, 1);
        tensors["e"].shape.Should().Equal(0);
        metadata.Should().ContainSingle().Which.Should().Be(new KeyValuePair<string, string>("k", "v"));
    }

    [Fact]
    public void Write_Layout_IsThatOfTheFormat()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var tensors = new Dictionary<string, Tensor>
        {
            ["z"] = tensor(new[] { 1.5f, 2.5f }), ["a"] = tensor(new byte[] { 1, 2, 3 }), ["b"] = tensor(new[] { 0.5f }), ["d"] = tensor(new[] { 9.0 }),
        };
        SafetensorsFile.Write(folder.File("x"), tensors);
        var bytes = File.ReadAllBytes(folder.File("x"));
        (BinaryPrimitives.ReadUInt64LittleEndian(bytes) % 8).Should().Be(0);
        var (header, data) = SafetensorsBytes.Split(bytes);
        using var json = JsonDocument.Parse(header);
        // By size of the dtype, then by name.
        json.RootElement.EnumerateObject().Select(entry => entry.Name).Should().Equal("d", "b", "z", "a");
        json.RootElement.GetProperty("z").GetRawText().Should().Be("""{"dtype":"F32","shape":[2],"data_offsets":[12,20]}""");
        data.Should().HaveCount(8 + 4 + 8 + 3);
        BitConverter.ToDouble(data, 0).Should().Be(9);
        BitConverter.ToSingle(data, 16).Should().Be(2.5f);
        data[20..].Should().Equal(1, 2, 3);
    }

    [Fact]
    public void Write_ViewsAndTensorsWithGradient_WritesTheirValues()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var matrix = TinyModels.Random([4, 3], 1, ScalarType.Float32).requires_grad_();
        SafetensorsFile.Write(folder.File("x"), new Dictionary<string, Tensor> { ["t"] = matrix.t(), ["row"] = matrix[2] });
        var read = SafetensorsFile.Read(folder.File("x")).Tensors;
        TensorAssert.Same(read["t"], matrix.detach().t().contiguous());
        TensorAssert.Same(read["row"], matrix.detach()[2]);
        read["t"].requires_grad.Should().BeFalse();
    }

    [Fact]
    public void Write_OverAnOldFile_ReplacesItAndLeavesNothingElse()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var path = folder.File("x.safetensors");
        SafetensorsFile.Write(path, new Dictionary<string, Tensor> { ["big"] = ones(1000) });
        SafetensorsFile.Write(path, new Dictionary<string, Tensor> { ["small"] = ones(1) });
        SafetensorsFile.Read(path).Tensors.Keys.Should().Equal("small");
        folder.Names.Should().Equal("x.safetensors");
    }

    [Fact]
    public void Write_UnknownDtype_ThrowsAndKeepsTheOldFile()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var path = folder.File("x.safetensors");
        SafetensorsFile.Write(path, new Dictionary<string, Tensor> { ["old"] = ones(1) });
        var before = File.ReadAllBytes(path);
        FluentActions.Invoking(() => SafetensorsFile.Write(path, new Dictionary<string, Tensor> { ["c"] = zeros(2, dtype: ScalarType.ComplexFloat32) }))
            .Should().Throw<ArgumentException>().WithMessage("*'c'*Complex*");
        File.ReadAllBytes(path).Should().Equal(before);
        folder.Names.Should().Equal("x.safetensors");
    }

    [Fact]
    public void AtomicFile_WriterThatFails_KeepsTheOldFileAndLeavesNothingElse()
    {
        using var folder = new TemporaryFolder();
        var path = folder.File("state");
        AtomicFile.Write(path, stream => stream.Write("old"u8));
        FluentActions.Invoking(() => AtomicFile.Write(path, stream =>
        {
            stream.Write("half of the n"u8);
            File.ReadAllText(path).Should().Be("old", "a reader in between sees the old file");
            throw new IOException("disk full");
        })).Should().Throw<IOException>().WithMessage("disk full");
        File.ReadAllText(path).Should().Be("old");
        folder.Names.Should().Equal("state");
    }

    [Fact]
    public void WriteThenRead_NoTensors_IsAnEmptyFileWithMetadata()
    {
        using var folder = new TemporaryFolder();
        SafetensorsFile.Write(folder.File("sub/x"), new Dictionary<string, Tensor>(), new Dictionary<string, string> { ["k"] = "v" });
        var (tensors, metadata) = SafetensorsFile.Read(folder.File("sub/x"));
        tensors.Should().BeEmpty();
        metadata["k"].Should().Be("v");
    }

    [Fact]
    public void WriteThenRead_Repeatedly_LeavesNoTensorBehind()
    {
        using var folder = new TemporaryFolder();
        using var value = TinyModels.Random([3, 4], 1, ScalarType.Float32);
        LeakAssert.None(() =>
        {
            SafetensorsFile.Write(folder.File("x"), new Dictionary<string, Tensor> { ["x"] = value, ["y"] = value });
            foreach (var tensor in SafetensorsFile.Read(folder.File("x")).Tensors.Values) tensor.Dispose();
        });
        value.IsInvalid.Should().BeFalse();
    }
}
