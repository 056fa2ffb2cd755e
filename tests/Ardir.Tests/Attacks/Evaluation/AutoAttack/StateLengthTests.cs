using System.Security.Cryptography;
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
    public void Append_LayoutOfTheFile_IsLengthsTextDataAndEightBytesOfTheHash()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var path = folder.File("run.state");
        EnsembleState.Open(path, _identity, TinyModels.Images(2), out _).Dispose();
        byte[] record = [13, 0, 0, 0, 0, 0, 0, 0, .. """{"run":"1"}"""u8];
        record[0] = (byte)(record.Length - 8);
        File.ReadAllBytes(path).Should().Equal([.. "ARDRAST1"u8, .. record, .. SHA256.HashData(record)[..8]]);
    }

    // The length of the header's text: its highest byte, or the lowest, which makes the rest of it look like data that were cut short.
    [Theory]
    [InlineData(3)]
    [InlineData(0)]
    public void Open_DamagedLengthOfTheHeader_IsRefusedWhereRecordsFollow(int at)
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
        }
        var bytes = File.ReadAllBytes(path);
        bytes[8 + at] ^= 0x80;
        File.WriteAllBytes(path, bytes);
        var open = () => EnsembleState.Open(path, _identity, images, out _);
        open.Should().Throw<InvalidOperationException>().WithMessage("The header of * is damaged.*");
        File.ReadAllBytes(path).Should().Equal(bytes);
        // Without the record nothing is lost, and the file begins anew.
        File.WriteAllBytes(path, bytes[..end]);
        using (EnsembleState.Open(path, _identity, images, out var done)) done.Should().BeEmpty();
        bytes[8 + at] ^= 0x80;
        File.ReadAllBytes(path).Should().Equal(bytes[..end]);
    }

    // A file is searched in pieces of a MiB for whole records after a damaged one, whose text here begins about where the first piece ends.
    [Theory]
    [InlineData(-12)]
    [InlineData(-8)]
    [InlineData(-4)]
    [InlineData(0)]
    [InlineData(4)]
    [InlineData(8)]
    public void Open_RecordAtTheSeamOfTwoPieces_IsFound(int beyond)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        long LengthWith(int values, out byte[] bytes, out int end)
        {
            var path = folder.File($"{values}.state");
            using (var state = EnsembleState.Open(path, _identity, zeros(1, 1, 1, values), out _))
            {
                end = (int)new FileInfo(path).Length;
                state.Append(Batch(0) with { Broken = [0], Predictions = [1] }, zeros(1, 1, 1, values));
                state.Append(Batch(1), null);
            }
            bytes = File.ReadAllBytes(path);
            return bytes.AsSpan(end + 16).IndexOf("{\"Attack\":"u8) + 16;
        }

        // Bytes between the record's beginning and the text of the next one, of which four are those of a value.
        var besides = (int)LengthWith(1, out _, out _) - 4;
        var values = ((1 << 20) - besides + beyond) / 4;
        LengthWith(values, out var bytes, out var end).Should().BeInRange((1 << 20) + beyond - 3, (1 << 20) + beyond);
        bytes[end + 1000] ^= 1;
        File.WriteAllBytes(folder.File("damaged.state"), bytes);
        var open = () => EnsembleState.Open(folder.File("damaged.state"), _identity, zeros(1, 1, 1, values), out _);
        open.Should().Throw<InvalidOperationException>().WithMessage($"*damaged at byte {end}:*");
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
        NonFiniteGradients = [],
        PartsWithoutGradient = [],
        FollowsGradients = true,
        Seconds = 0.5,
    };
}
