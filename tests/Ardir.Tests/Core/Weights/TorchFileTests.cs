using System.IO.Compression;
using System.Text;
using Ardir.Core;

namespace Ardir.Tests;

public sealed class TorchFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void Read_ZipLegacyAndSafetensors_GiveIdenticalLogits()
    {
        using var scope = NewDisposeScope();
        var (images, _) = FashionModel.Images(16);
        var logits = new[] { "fm_robust.pt", "fm_robust_legacy.pt", "fm_robust.safetensors" }.Select(name =>
        {
            using var model = SmallCnn.Create();
            var report = model.LoadWeights(Golden(name));
            report.IsComplete.Should().BeTrue();
            report.Loaded.Should().HaveCount(8);
            return model.call(images);
        }).ToList();
        TensorAssert.Same(logits[1], logits[0]);
        TensorAssert.Same(logits[2], logits[0]);
    }

    // Before PyTorch 1.6 a storage could be a view into another one, with an offset of its own beside that of the tensor.
    [Theory]
    [InlineData(4, 6, 0)]
    [InlineData(4, 8, 2)]
    [InlineData(0, 12, 3)]
    [InlineData(6, 6, 0)]
    public void Read_LegacyViewIntoAStorage_AddsBothOffsets(long view, long size, long offset)
    {
        var path = _folder.File("view.pt");
        File.WriteAllBytes(path, LegacyView(view, size, offset));
        using var state = StateDict.Read(path, new StateDictOptions { Strict = true });
        state["w"].shape.Should().Equal(2, 3);
        TensorAssert.Values(state["w"]).Should().Equal(Enumerable.Range(0, 6).Select(i => (view + offset + i) / 8.0));
    }

    [Theory]
    [InlineData(7, 6, 0, "impossible view")]
    [InlineData(-1, 6, 0, "impossible view")]
    [InlineData(4, -1, 0, "impossible view")]
    [InlineData(13, 0, 0, "impossible view")]
    [InlineData(4, 8, 3, "beyond")]
    public void Read_LegacyViewBeyondItsStorage_IsRefused(long view, long size, long offset, string message) => Refused(LegacyView(view, size, offset), message);

    // The 12 values 0, 1/8, 2/8, ... and a tensor [2,3] in them.
    private static byte[] LegacyView(long view, long size, long offset)
    {
        var operations = PickleBytes.StateDict("w", 12, offset, [2, 3], [3, 1], legacy: true);
        operations[operations.IndexOf("N")] = string.Concat("(", "U\u00011", PickleBytes.Number(view), PickleBytes.Number(size), "t");
        return
        [
            0x80, 2, 0x8A, 0x0A, .. TorchLegacyFile.Magic, (byte)'.', 0x80, 2, (byte)'M', 0xE9, 3, (byte)'.', 0x80, 2, (byte)'}', (byte)'U', 13, .. "little_endian"u8, 0x88, (byte)'s', (byte)'.',
            .. PickleBytes.Of(operations), .. PickleBytes.Of(["]", "U\u00010", "a", "."]), .. BitConverter.GetBytes(12L), .. Enumerable.Range(0, 12).SelectMany(i => BitConverter.GetBytes(i / 8f)),
        ];
    }

    [Theory]
    [InlineData("odd.pt")]
    [InlineData("odd_legacy.pt")]
    public void Read_EveryKindOfTensor_HasItsValues(string name)
    {
        using var state = StateDict.Read(Golden(name), new StateDictOptions { Strict = true });
        using var scope = NewDisposeScope();
        var big = (arange(24, ScalarType.Float32) / 8).reshape(4, 6);
        state.Keys.Should().Equal("transposed", "slice", "scalar", "empty", "shared", "half", "bfloat", "double", "long", "int", "short", "char", "byte", "bool", "parameter");
        TensorAssert.Same(state["transposed"], big.t().contiguous());
        TensorAssert.Same(state["slice"], big[TensorIndex.Slice(1, 3), TensorIndex.Slice(2, 5)].contiguous());
        TensorAssert.Same(state["shared"], big);
        state["scalar"].shape.Should().BeEmpty();
        state["scalar"].ToSingle().Should().Be(2.5f);
        state["empty"].shape.Should().Equal(0, 3);
        TensorAssert.Same(state["half"], (arange(3, ScalarType.Float32) / 8).to(ScalarType.Float16));
        TensorAssert.Same(state["bfloat"], (arange(3, ScalarType.Float32) / 8).to(ScalarType.BFloat16));
        TensorAssert.Same(state["double"], (arange(2, ScalarType.Float32) / 8).to(ScalarType.Float64));
        TensorAssert.Same(state["long"], arange(3));
        foreach (var (key, type) in new[] { ("int", ScalarType.Int32), ("short", ScalarType.Int16), ("byte", ScalarType.Byte) }) TensorAssert.Same(state[key], arange(3).to(type));
        TensorAssert.Same(state["char"], (arange(3) - 1).to(ScalarType.Int8));
        TensorAssert.Same(state["bool"], tensor(new[] { true, false }));
        TensorAssert.Same(state["parameter"], (arange(4, ScalarType.Float32) / 8).reshape(2, 2));
        state.Values.Should().OnlyContain(tensor => tensor.is_contiguous());
        // Two names of one storage are two tensors here: changing one leaves the other.
        state["shared"].zero_();
        TensorAssert.Same(state["transposed"], big.t().contiguous());
    }

    [Theory]
    [InlineData("checkpoint.pt")]
    [InlineData("checkpoint_legacy.pt")]
    public void Read_Checkpoint_UnwrapsTheWeightsAndLeavesTheRest(string name)
    {
        using var scope = NewDisposeScope();
        using var state = StateDict.Read(Golden(name));
        state.Keys.Should().Equal("module.fc.weight", "module.fc.bias");
        using var model = nn.Sequential(("fc", nn.Linear(3, 2)));
        model.LoadWeights(state).IsComplete.Should().BeTrue();
        TensorAssert.Same(model.state_dict()["fc.bias"], tensor(new[] { 5f, 5.125f }));
        var strict = () => StateDict.Read(Golden(name), new StateDictOptions { Strict = true });
        strict.Should().Throw<WeightFormatException>().WithMessage("*argparse.Namespace*");
    }

    [Theory]
    [InlineData("whole_model.pt", "state_dict()")]
    [InlineData("scripted.pt", "TorchScript")]
    public void Read_OtherTorchFiles_SaysWhatTheyAre(string name, string message) =>
        FluentActions.Invoking(() => StateDict.Read(Golden(name))).Should().Throw<WeightFormatException>().Which.Message.Should().Contain(message);

    [Theory]
    [InlineData("<!DOCTYPE html><html>", "HTML")]
    [InlineData("version https://git-lfs.github.com/spec/v1\noid sha256:12\n", "LFS")]
    [InlineData("", "empty")]
    [InlineData("PK", "zip")]
    [InlineData("404: Not Found", "a text file, not weights; it begins with '404: Not Found'")]
    [InlineData("\r\n  {\"weight_map\": {\"fc.weight\": \"model-00001-of-00002.safetensors\"}}\nmore", "it begins with '{\"weight_map\": {\"fc.weight\": \"model-00001-of-00002.safetenso...'")]
    [InlineData("Zugriff verweigert: ungültiger Schlüssel", "a text file")]
    [InlineData("https://example.org/weights.pt", "get the file itself")]
    public void Read_NoWeightsAtAll_SaysWhatItIs(string content, string message) => Refused(Encoding.UTF8.GetBytes(content), message);

    [Fact]
    public void Read_LongTextCutWithinACharacter_SaysWhatItIs()
    {
        foreach (var before in new[] { 0, 1, 2 }) Refused(Encoding.UTF8.GetBytes(new string('x', before) + new string('\u20ac', 400)), "a text file");
        Refused([0xFF, 0xFE, .. Encoding.Unicode.GetBytes("Not Found")], "begins with 'Not Found'");
    }

    [Fact]
    public void Read_WholeModelOfTheLegacyFormat_SaysWhatItIs()
    {
        // As torch.save wrote it before PyTorch 1.6: the class of a module, with its source, comes as a persistent id.
        string[] tensor = ["ctorch._utils\n_rebuild_tensor_v2\n", "((", "U\u0007storage", "ctorch\nFloatStorage\n", "U\u00010", "U\u0003cpu", "K\u0002", "N", "t", "Q", "K\u0000", "K\u0002\u0085", "K\u0001\u0085", "\u0089", "N", "t", "R"];
        byte[] module = PickleBytes.Of(
            ["(", "U\u0006module", "c__main__\nSmall\n", PickleBytes.Text("/home/me/train.py"), PickleBytes.Text("class Small(nn.Module):\n    pass\n"), "t", "Q", ")", "\u0081", "}", PickleBytes.Text("weight"), .. tensor, "s", "b", "."]);
        byte[] head = [0x80, 2, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E, 0x80, 2, (byte)'M', 0xE9, 3, (byte)'.'];
        byte[] system = PickleBytes.Of(["}", "U\u000dlittle_endian", "\u0088", "s", "."]);
        byte[] values = [.. PickleBytes.Of(["]", "U\u00010", "a", "."]), .. BitConverter.GetBytes(2L), .. new byte[8]];
        Refused([.. head, .. system, .. module, .. values], "holds a whole pickled object (__main__.Small), not its weights. In Python: torch.save(model.state_dict()");
        // Known before the values are read, which may be missing or large.
        Refused([.. head, .. system, .. module], "whole pickled object");
    }

    [PyTorchFact]
    public void Read_WholeModelOfTheLegacyFormat_OfPyTorch_SaysWhatItIs()
    {
        var path = _folder.File("whole_legacy.pt");
        PyTorchFactAttribute.Run("import sys, torch\ntorch.save(torch.nn.Sequential(torch.nn.Linear(3, 2)), sys.argv[1], _use_new_zipfile_serialization=False)", path);
        FluentActions.Invoking(() => StateDict.Read(path)).Should().Throw<WeightFormatException>().WithMessage("*whole pickled object (torch.nn.modules.container.Sequential)*state_dict()*");
    }

    [Theory]
    [InlineData("cos\nsystem\n(X\u0004\0\0\0exittR.", "whole pickled object")]          // would run a program in Python
    [InlineData("cbuiltins\neval\nX\u0001\0\0\01\u0085R.", "whole pickled object")]
    [InlineData("(((((", "truncated")]
    [InlineData("N.", "no dictionary")]
    [InlineData("}.", "no tensors")]
    [InlineData("h\u0007.", "never kept")]
    [InlineData("0.", "takes more")]
    [InlineData("\u00ff.", "operation")]
    [InlineData("}]K\u0001s.", "key")]
    [InlineData("X\u00ff\u00ff\u00ff\u007f", "claims")]
    [InlineData("ctorch._utils\n_rebuild_tensor_v2\n)R.", "0 arguments")]
    [InlineData("K\u0001K\u0002R.", "cannot be called")]
    public void Read_HostilePickle_IsRefused(string pickle, string message) => Refused(Zip(("a/data.pkl", [0x80, 2, .. Encoding.Latin1.GetBytes(pickle)])), message);

    [Fact]
    public void Read_PickleNestedForEver_IsRefusedWithoutRecursion() => Refused(Zip(("a/data.pkl", [0x80, 2, .. Enumerable.Repeat((byte)'(', 1_000_000)])), "nested deeper");

    [Theory]
    [InlineData(2, 0, new long[] { 3 }, new long[] { 1 }, "beyond")]
    [InlineData(2, 1, new long[] { 2 }, new long[] { 1 }, "beyond")]
    [InlineData(2, 0, new long[] { long.MaxValue, 4 }, new long[] { 1, 1 }, "memory")]
    [InlineData(2, 0, new long[] { 2 }, new long[] { long.MaxValue }, "beyond")]
    [InlineData(2, 0, new long[] { 1000000 }, new long[] { 0 }, "only 2 are stored")]
    [InlineData(99, 0, new long[] { 1 }, new long[] { 1 }, "8 bytes for 99 values")]
    public void Read_TensorBeyondItsValues_IsRefused(long stored, long offset, long[] sizes, long[] strides, string message)
    {
        using var pickle = new MemoryStream();
        void Text(string text) => pickle.Write(Encoding.Latin1.GetBytes(text));
        void Long(long value) => pickle.Write([0x8a, 8, .. BitConverter.GetBytes(value)]);
        void Longs(long[] values)
        {
            Text("(");
            foreach (var value in values) Long(value);
            Text("t");
        }
        Text("}U\u0001wctorch._utils\n_rebuild_tensor_v2\n((U\u0007storagectorch\nFloatStorage\nU\u00010U\u0003cpu");
        Long(stored);
        Text("tQ");
        Long(offset);
        Longs(sizes);
        Longs(strides);
        Text("\u0089NtRs.");
        Refused(Zip(("a/data.pkl", pickle.ToArray()), ("a/data/0", new byte[8])), message);
    }

    [Fact]
    public void Read_ZipTricks_AreRefused()
    {
        Refused(Zip(("a/data.pkl", "}."u8.ToArray()), ("b/data.pkl", "}."u8.ToArray())), "2 entries");
        Refused(Zip(("a/data.pkl", "}."u8.ToArray()), ("../x", [])), "leaves the archive");
        Refused(Zip(("a/data.pkl", "}."u8.ToArray()), ("a/x", []), ("a/x", [])), "two entries");
        Refused(Zip(("a/data.pkl", "}."u8.ToArray()), ("a/byteorder", "big"u8.ToArray())), "big-endian");
        Refused(Zip(("readme.txt", [])), "0 entries");
    }

    [Fact]
    public void SaveTorch_ReadBack_IsTheSame()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Smooth();
        var path = _folder.File("out.pt");
        model.SaveTorch(path);
        using var state = StateDict.Read(path, new StateDictOptions { Strict = true });
        var expected = model.state_dict();
        state.Keys.Should().Equal(expected.Keys);
        foreach (var (name, value) in expected) TensorAssert.Same(state[name], value.detach());
        LeakAssert.None(() => StateDict.Read(path).Dispose());
        LeakAssert.None(() => model.SaveTorch(path));
    }

    [PyTorchFact]
    public void SaveTorch_PyTorch_LoadsItAsWeightsOnly()
    {
        using var scope = NewDisposeScope();
        using var model = PreActResNet.Create(new PreActResNetOptions { Widths = [4, 6], BlocksPerStage = 1, Seed = 3 });
        var (ours, back) = (_folder.File("ours.pt"), _folder.File("theirs.pt"));
        model.SaveTorch(ours);
        PyTorchFactAttribute.Run("import sys, torch\nstate = torch.load(sys.argv[1], weights_only=True)\ntorch.save(type(state)((k, v * 2 if v.is_floating_point() else v) for k, v in state.items()), sys.argv[2])", ours, back);
        using var state = StateDict.Read(back, new StateDictOptions { Strict = true });
        var expected = model.state_dict();
        state.Keys.Should().Equal(expected.Keys);
        foreach (var (name, value) in expected) TensorAssert.Same(state[name], value.is_floating_point() ? value.detach() * 2 : value.detach());
    }

    public void Dispose() => _folder.Dispose();

    private static string Golden(string name) => Path.Combine(AppContext.BaseDirectory, "Goldens", name);

    private static byte[] Zip(params (string Name, byte[] Content)[] entries)
    {
        using var stream = new MemoryStream();
        using (var archive = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var (name, content) in entries)
            {
                using var entry = archive.CreateEntry(name).Open();
                entry.Write(content);
            }
        }
        return stream.ToArray();
    }

    private void Refused(byte[] content, string message)
    {
        var path = _folder.File("hostile");
        File.WriteAllBytes(path, content);
        FluentActions.Invoking(() => StateDict.Read(path)).Should().Throw<WeightFormatException>().Which.Message.Should().Contain(message).And.Contain(path);
    }
}
