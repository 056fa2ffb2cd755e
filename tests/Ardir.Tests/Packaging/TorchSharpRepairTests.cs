using System.Reflection;
using System.Reflection.PortableExecutable;
using Ardir.Build;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>What eng/KeepArgumentsAlive.targets does to TorchSharp.dll in every program's build, on the file of the package.</summary>
public sealed class TorchSharpRepairTests
{
    private static readonly Lazy<byte[]> _original = new(() => File.ReadAllBytes(PackageFile()));
    private static readonly Lazy<TorchSharpRepair> _repair = new(() => TorchSharpRepair.Of(_original.Value));

    [Fact]
    public void EveryMethodThatCallsNativeCodeIsMarked_AndNothingElseChanges()
    {
        var repair = _repair.Value;
        var expected = (byte[])_original.Value.Clone();
        var methods = NativeCalls.FlagOffsets(expected);
        foreach (var at in methods)
        {
            expected[at] |= 0x40;       // NoOptimization
            expected[at + 1] &= 0xFE;   // not AggressiveInlining
        }
        repair.Needed.Should().BeTrue();
        repair.Version.Should().Be(new Version(0, 107, 0, 0));
        repair.Methods.Should().Be(1150).And.Be(methods.Count);
        repair.Bytes.AsSpan().SequenceEqual(expected).Should().BeTrue("only the flags of those methods may differ");
        repair.Bytes.AsSpan().SequenceEqual(_original.Value).Should().BeFalse();
    }

    [Fact]
    public void ARepairedFileStaysAsItIs() => TorchSharpRepair.Of(_repair.Value.Bytes).Bytes.AsSpan().SequenceEqual(_repair.Value.Bytes).Should().BeTrue();

    [Fact]
    public void TheTestsThemselvesRunOnTheRepairedFile()
    {
        TorchSharpRuntime.KeepsArgumentsAlive.Should().BeTrue();
        File.ReadAllBytes(typeof(Tensor).Assembly.Location).AsSpan().SequenceEqual(_repair.Value.Bytes).Should().BeTrue();
    }

    [Theory]
    [InlineData(0, 106, 9, true)]
    [InlineData(0, 107, 0, true)]
    [InlineData(0, 107, 1, false)]
    [InlineData(0, 108, 0, false)]
    [InlineData(1, 0, 0, false)]
    public void AVersionAboveTheLastUnsafeOneIsLeftAlone(int major, int minor, int build, bool needed)
    {
        var other = (byte[])_original.Value.Clone();
        var at = NativeCalls.VersionOffset(other);
        foreach (var number in new[] { major, minor, build })
        {
            BitConverter.TryWriteBytes(other.AsSpan(at), (ushort)number).Should().BeTrue();
            at += 2;
        }
        var repair = TorchSharpRepair.Of(other);
        repair.Needed.Should().Be(needed).And.Be(!TorchSharpRuntime.NeedsNoRepair(repair.Version), "the run-time check knows the same rule");
        repair.Methods.Should().Be(needed ? 1150 : 0);
        if (!needed) repair.Bytes.AsSpan().SequenceEqual(other).Should().BeTrue();
    }

    [Fact]
    public void AFileThatIsNoAssembly_OrHasNoNativeCalls_IsRefused()
    {
        Refused([]);
        Refused("not an assembly at all, but a text of more than sixty-four bytes, as a failed download leaves it"u8.ToArray());
        Refused(_original.Value[..2000]);
        Refused(_original.Value[..(_original.Value.Length / 2)]);
        Refused(File.ReadAllBytes(typeof(Ardir.Attacks.Attack).Assembly.Location));
        Refused(File.ReadAllBytes(typeof(object).Assembly.Location), "*ReadyToRun*");
    }

    [Fact]
    public void ADamagedFileIsRefusedOrRepaired_AndNeverGrowsOrLosesMoreThanFlags()
    {
        var random = new Random(11);
        using var file = new PEReader(new MemoryStream(_original.Value));
        var start = file.PEHeaders.MetadataStartOffset;
        for (var i = 0; i < 30; i++)
        {
            var damaged = (byte[])_original.Value.Clone();
            // Headers, the beginning of the metadata with its tables' sizes, and code, in turn.
            var at = (i % 3) switch { 0 => random.Next(0x400), 1 => start + random.Next(400), _ => 0x400 + random.Next(start - 0x400) };
            damaged[at] ^= (byte)random.Next(1, 256);
            try { TorchSharpRepair.Of(damaged).Bytes.Length.Should().Be(damaged.Length); }
            catch (InvalidDataException e) { e.Message.Should().NotBeEmpty(); }
        }
    }

    private static void Refused(byte[] file, string message = "*")
    {
        var repairing = () => TorchSharpRepair.Of(file);
        repairing.Should().Throw<InvalidDataException>().WithMessage(message);
    }

    internal static string PackageFile()
    {
        var package = typeof(TorchSharpRepairTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(entry => entry.Key == "TorchSharpPackage").Value!;
        return Path.Combine(package, TorchSharpRuntime.Version.ToString(3), "lib", "net8.0", "TorchSharp.dll");
    }
}
