using System.Text;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>Files that people really have: other containers, other tensors beside the weights, other formats under a known name.</summary>
public sealed class OddWeightFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string FilePath => _folder.File("w.pt");

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(15392)]   // 20 3C: begins like an HTML page behind a space
    [InlineData(19280)]   // 50 4B: like a zip archive
    [InlineData(35615)]   // 1F 8B: like gzip
    [InlineData(640)]     // 80 02: like a pickle
    public void Safetensors_HeaderOfALengthThatLooksLikeAnotherFormat_IsRead(int length)
    {
        const string Header = """{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""";
        File.WriteAllBytes(FilePath, SafetensorsBytes.Of(Encoding.ASCII.GetBytes(Header.PadRight(length)), BitConverter.GetBytes(2.5f)));
        using var state = StateDict.Read(FilePath);
        state["w"].ToSingle().Should().Be(2.5f);
    }

    [Theory]
    [InlineData("ema_state_dict"), InlineData("model_ema"), InlineData("weights"), InlineData("student")]
    public void Container_OfAnyName_IsUnwrappedWhenItIsTheOnlyOne(string name)
    {
        Write(["}", PickleBytes.Text("epoch"), "K\u0003s", PickleBytes.Text(name), .. Dictionary("w"), "s", PickleBytes.Text("optimizer"), "}", PickleBytes.Text("state"), "}K\0", .. Dictionary("m"), "sss", "."]);
        using var state = StateDict.Read(FilePath);
        state.Keys.Should().Equal("w");
        TensorAssert.Same(state["w"], tensor(new float[] { 0, 1, 2, 3, 4, 5 }).reshape(2, 3));
    }

    [Fact]
    public void Containers_SeveralOfUnknownNames_AreNotGuessed()
    {
        Write(["}", PickleBytes.Text("G"), .. Dictionary("w"), "s", PickleBytes.Text("D"), .. Dictionary("w"), "s", "."]);
        Refused("several dictionaries of tensors: G, D");
        Write(["}", PickleBytes.Text("epoch"), "K\u0003s", "."]);
        Refused("no tensors; its entries are epoch");
    }

    [Theory]
    [InlineData("]", "a list"), InlineData(")", "a tuple"), InlineData("N", "None"), InlineData("K\u0001", "a number"), InlineData("U\u0001x", "a text")]
    public void NoDictionary_IsSaidWhatItIs(string pickle, string kind)
    {
        Write([pickle, "."]);
        Refused($"but {kind}. In Python");
    }

    [Fact]
    public void TensorsOfUnreadableKinds_AreLeftOutUnlessTheyAreWeights()
    {
        string[] complex = [.. Dictionary("c").Select(operation => operation.Replace("ctorch\nFloatStorage", "ctorch\nComplexFloatStorage", StringComparison.Ordinal))];
        Write(["}", PickleBytes.Text("state_dict"), .. Dictionary("w"), "s", PickleBytes.Text("extra"), .. complex, "s", "."]);
        using (var state = StateDict.Read(FilePath)) state.Keys.Should().Equal("w");
        Write([.. Dictionary("w"), .. complex[1..], "."]);
        Refused("'c' is a tensor of a kind that is not read here (torch.ComplexFloatStorage)");
        // A sparse one must not vanish without a word.
        Write([.. Dictionary("w"), PickleBytes.Text("s"), "ctorch._utils\n_rebuild_sparse_tensor\n", ")R", "s", "."]);
        Refused("'s' is a tensor of a kind that is not read here (torch._utils._rebuild_sparse_tensor())");
    }

    // Values of every storage stand one after the other in a legacy file, so those that are not needed must be passed over by their size.
    [Theory]
    [InlineData("ComplexFloat", 8), InlineData("ComplexDouble", 16), InlineData("QInt8", 1), InlineData("QInt32", 4)]
    public void LegacyStoragesOfUnreadableKinds_ArePassedOver(string kind, int size)
    {
        WriteLegacy($"ctorch\n{kind}Storage\n", 5, new byte[5 * size]);
        using (var state = StateDict.Read(FilePath))
        {
            state.Keys.Should().Equal("w");
            TensorAssert.Same(state["w"], tensor(new float[] { 0, 1, 2, 3, 4, 5 }).reshape(2, 3));
            state.Omitted.Should().Equal("extra (a dictionary of 1)");
        }
        // Cut off within the values that are passed over: the 24 bytes of the weights and the number before them are missing, too.
        File.WriteAllBytes(FilePath, File.ReadAllBytes(FilePath)[..^(24 + 8 + 1)]);
        Refused("truncated");
        WriteLegacy($"ctorch\n{kind}Storage\n", long.MaxValue / 2, new byte[5 * size]);
        Refused("more than the file holds");
        WriteLegacy("ctorch\nComplexHalfStorage\n", 5, new byte[20]);
        Refused("unknown kind torch.ComplexHalfStorage");
    }

    [Fact]
    public void LongTextsAndBytesBesideTheWeights_ArePassedOver()
    {
        // What an array of numpy looks like in a pickle, larger than any name.
        var text = new string('x', 3 << 20);
        var length = Encoding.Latin1.GetString(BitConverter.GetBytes((long)text.Length));
        Write(["}", PickleBytes.Text("rng"), PickleBytes.Text(text), "s", PickleBytes.Text("array"), "\u0096" + length, text, "s", PickleBytes.Text("bytes"), "\u008e" + length, text, "s", PickleBytes.Text("net"), .. Dictionary("w"), "s", "."]);
        using var state = StateDict.Read(FilePath);
        state.Keys.Should().Equal("w");
    }

    [Fact]
    public void ExpandedBuffer_IsRead()
    {
        Write([.. PickleBytes.StateDict("mean", 6, 1, [3, 32], [1, 0])]);
        using var state = StateDict.Read(FilePath);
        state["mean"].shape.Should().Equal(3, 32);
        state["mean"].data<float>().ToArray().Should().Equal(Enumerable.Range(0, 96).Select(i => 1f + i / 32));
    }

    [Fact]
    public void OtherFormats_AreCalledByTheirNames()
    {
        foreach (var (content, message) in new (byte[], string)[]
        {
            (HostileData.Gzip([1, 2, 3]), "gzip"), ([0x89, .. "HDF\r\n"u8, 0x1A, .. new byte[60]], "HDF5"), ([0x93, .. "NUMPY"u8, 1, 0, .. new byte[60]], "numpy"),
            ([0x80, 2, .. Enumerable.Repeat((byte)'}', 60), (byte)'.'], "a pickle, but not one of torch.save"), (HostileData.Png([0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0], [0, 0], 1), "not a safetensors file"),
        })
        {
            File.WriteAllBytes(FilePath, content);
            Refused(message);
        }
        FluentActions.Invoking(() => StateDict.Read(_folder.Path)).Should().Throw<WeightFormatException>().WithMessage("*is a folder*");
    }

    private static IEnumerable<string> Dictionary(string name) => PickleBytes.StateDict(name, 6, 0, [2, 3], [3, 1])[..^1];

    // Two storages: "1" of the kind, which only an entry beside the weights uses, then "0" with the weights.
    private void WriteLegacy(string kind, long count, byte[] values)
    {
        var weights = PickleBytes.StateDict("w", 6, 0, [2, 3], [3, 1], legacy: true)[..^1];
        string[] other =
        [
            .. PickleBytes.StateDict("c", count, 0, [1], [1], legacy: true)[..^1]
                .Select(operation => operation == "U\u00010" ? "U\u00011" : operation == "ctorch\nFloatStorage\n" ? kind : operation),
        ];
        byte[] content =
        [
            0x80, 2, 0x8A, 0x0A, .. TorchLegacyFile.Magic, (byte)'.', 0x80, 2, (byte)'M', 0xE9, 3, (byte)'.',
            0x80, 2, (byte)'}', (byte)'U', 13, .. "little_endian"u8, 0x88, (byte)'s', (byte)'.',
            .. PickleBytes.Of(["}", PickleBytes.Text("state_dict"), .. weights, "s", PickleBytes.Text("extra"), .. other, "s", "."]),
            .. PickleBytes.Of(["]", "U\u00011", "a", "U\u00010", "a", "."]), .. BitConverter.GetBytes(count), .. values,
            .. BitConverter.GetBytes(6L), .. Enumerable.Range(0, 6).SelectMany(i => BitConverter.GetBytes((float)i)),
        ];
        File.WriteAllBytes(FilePath, content);
    }

    private void Write(IEnumerable<string> operations) =>
        File.WriteAllBytes(FilePath, ZipBytes.Of(("a/data.pkl", PickleBytes.Of(operations)), ("a/data/0", [.. Enumerable.Range(0, 6).SelectMany(i => BitConverter.GetBytes((float)i))])));

    private void Refused(string message) => FluentActions.Invoking(() => StateDict.Read(FilePath)).Should().Throw<WeightFormatException>().Which.Message.Should().Contain(message).And.Contain(FilePath);
}
