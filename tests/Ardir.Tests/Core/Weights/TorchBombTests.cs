using System.Text;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>Small files of torch.save that want much memory or time: each is refused before it gets it.</summary>
public sealed class TorchBombTests : IDisposable
{
    private const long MemoryCap = 64 << 20;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Read_AMillionDictionariesInAFewKilobytes_AreRefused() =>
        Refused(ZipBytes.Of([ZipBytes.Part.Deflated("a/data.pkl", [0x80, 2, .. Enumerable.Repeat((byte)'}', 15 << 20)])]), "operations");

    [Fact]
    public void Read_PickleThatInflatesBeyondAnyDescription_IsRefused() =>
        Refused(ZipBytes.Of([ZipBytes.Part.Deflated("a/data.pkl", new byte[20 << 20])]), "zip bomb");

    [Fact]
    public void Read_OneListCopiedAgainAndAgain_IsRefused()
    {
        // 20,000 pairs, made into a dictionary 20,000 times: eight gigabytes from 200 KB.
        string[] list = ["ccollections\nOrderedDict\n", "q\0", "]", "q\u0001", "(", .. Enumerable.Range(0, 20_000).Select(i => $"K\u0001N\u0086"), "e", "\u0085", "q\u0002", .. Enumerable.Repeat("h\0h\u0002R", 20_000), "."];
        Refused(ZipBytes.Of(("a/data.pkl", PickleBytes.Of(list))), "operations");
    }

    [Fact]
    public void Read_CallsOfCalls_DoNotGrow() => Refused(ZipBytes.Of(("a/data.pkl", PickleBytes.Of(["cos\nsystem\n", .. Enumerable.Repeat(")R", 300_000), "."]))), "whole pickled object (os.system()()");

    [Fact]
    public void Read_OneStorageUnderManyNames_IsRefusedBeforeItFillsTheMemory()
    {
        // 16 MiB of zeros in 16 KB; the directory of the archive lists them forty times, and each tensor wants one value of a copy of its own.
        const int Count = 4 << 20, Copies = 40;
        var operations = new List<string> { "}", "(" };
        for (var i = 0; i < Copies; i++)
            operations.AddRange(PickleBytes.StateDict($"w{i}", Count, 0, [1], [1])[1..^2].Select(operation => operation == "U\u00010" ? PickleBytes.Text($"{i}") : operation));
        var zeros = ZipBytes.Part.Deflated("a/data/0", new byte[4 * Count]);
        Refused(ZipBytes.Of([new("a/data.pkl", PickleBytes.Of([.. operations, "u", "."])), zeros, .. Enumerable.Range(1, Copies - 1).Select(i => zeros with { Name = $"a/data/{i}", SameAs = 1 })]), "zip bomb");
    }

    [Theory]
    [InlineData(new long[] { 0, 1L << 62, 1L << 62 })]
    [InlineData(new long[] { 1L << 62, 0, 1L << 62 })]
    public void Read_EmptyTensorOfImpossibleSizes_IsRefused(long[] sizes) =>
        Refused(ZipBytes.Of(("a/data.pkl", PickleBytes.Of(PickleBytes.StateDict("w", 0, 0, sizes, new long[sizes.Length])))), "beyond any memory");

    [Fact]
    public void Read_EmptyTensor_KeepsItsShape()
    {
        File.WriteAllBytes(_folder.File("w"), ZipBytes.Of(("a/data.pkl", PickleBytes.Of(PickleBytes.StateDict("w", 0, 0, [3, 0, 1 << 20], [1, 1, 1])))));
        using var state = StateDict.Read(_folder.File("w"));
        state["w"].shape.Should().Equal(3, 0, 1 << 20);
    }

    private void Refused(byte[] content, string message)
    {
        File.WriteAllBytes(_folder.File("bomb"), content);
        var before = GC.GetAllocatedBytesForCurrentThread();
        FluentActions.Invoking(() => StateDict.Read(_folder.File("bomb"))).Should().Throw<WeightFormatException>().Which.Message.Should().Contain(message).And.Contain("bomb");
        (GC.GetAllocatedBytesForCurrentThread() - before).Should().BeLessThan(MemoryCap);
    }
}
