using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>Lengths in a state file that no record can have: damage, not something to make room for.</summary>
public sealed class StateLengthTests
{
    private static readonly Dictionary<string, string> _identity = new() { ["run"] = "1" };

    // The highest bytes of both lengths of the first record after the header: negative, or far more than the file holds.
    [Theory]
    [InlineData(3, 0x80)]
    [InlineData(7, 0x80)]
    [InlineData(3, 0x7F)]
    [InlineData(7, 0x7F)]
    public void Open_LengthThatNoRecordHas_IsDamage(int at, int bits)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var path = folder.File("run.state");
        var images = TinyModels.Images(2);
        int end;
        using (var state = EnsembleState.Open(path, _identity, images, out _))
        {
            end = (int)new FileInfo(path).Length;
            state.Append(Batch(0), null);
            state.Append(Batch(1), null);
        }
        var bytes = File.ReadAllBytes(path);
        bytes[end + at] ^= (byte)bits;
        File.WriteAllBytes(path, bytes);
        var open = () => EnsembleState.Open(path, _identity, images, out _);
        open.Should().Throw<InvalidOperationException>().WithMessage($"*damaged at byte {end}:*");
        // Nothing whole follows the last record: there it is torn, and cut off.
        File.WriteAllBytes(path, bytes[..(end + 40)]);
        using (EnsembleState.Open(path, _identity, images, out var done)) done.Should().BeEmpty();
        new FileInfo(path).Length.Should().Be(end);
    }

    [Fact]
    public void Open_BareFileName_IsInTheCurrentFolder()
    {
        using var scope = NewDisposeScope();
        var name = $"{Guid.NewGuid():N}.state";
        try
        {
            EnsembleState.Open(name, _identity, TinyModels.Images(1), out _).Dispose();
            File.Exists(Path.Combine(Directory.GetCurrentDirectory(), name)).Should().BeTrue();
        }
        finally
        {
            File.Delete(name);
        }
    }

    private static EnsembleBatch Batch(int unit) => new()
    {
        Attack = 0,
        Unit = unit,
        Cursor = 1,
        Broken = [],
        Predictions = [],
        Forwards = 2,
        Backwards = 2,
        Unconfirmed = 0,
        ZeroGradients = [],
        NoNumbers = [],
        PartsWithoutGradient = [],
        FollowsGradients = true,
        Seconds = 0.5,
    };
}
