using Ardir.Core;

namespace Ardir.Tests;

public sealed class OmittedEntriesTests
{
    [Theory]
    [InlineData("checkpoint.pt")]
    [InlineData("checkpoint_legacy.pt")]
    public void Omitted_OfACheckpoint_NamesEverythingBesidesTheWeights(string name)
    {
        using var state = StateDict.Read(Golden(name));
        state.Keys.Should().Equal("module.fc.weight", "module.fc.bias");
        state.Omitted.Should().Equal(
            "epoch (a number)", "best_acc (an object: numpy.core.multiarray.scalar)", "args (an object: argparse.Namespace)", "note (a text)", "optimizer (a dictionary of 2)");
    }

    [Theory]
    [InlineData("odd.pt")]
    [InlineData("fm_robust.safetensors")]
    public void Omitted_OfWeightsAlone_IsEmpty(string name)
    {
        using var state = StateDict.Read(Golden(name));
        state.Omitted.Should().BeEmpty();
    }

    [Fact]
    public void Omitted_HasALimit()
    {
        var dictionary = new PickleDictionary();
        for (var i = 0; i < 1005; i++) dictionary.Set($"{i}{new string('x', i == 3 ? 300 : 0)}", i % 2 == 0 ? null : new List<object?> { 1L });
        dictionary.Set(7L, "a key that is no text");
        var omitted = new OmittedEntries();
        omitted.Add(dictionary, value => value is "used");
        omitted.All.Should().HaveCount(1001).And.StartWith(["0 (None)", "1 (a list of 1)", "2 (None)"]).And.EndWith("and 6 more");
        omitted.All[3].Should().Be($"3{new string('x', 199)}... (a list of 1)");
    }

    private static string Golden(string name) => Path.Combine(AppContext.BaseDirectory, "Goldens", name);
}
