using Ardir.Core;

namespace Ardir.Tests;

public sealed class TorchSharpRuntimeTests
{
    [Fact]
    public void Version_IsTheLoadedAssemblys() => TorchSharpRuntime.Version.Should().Be(typeof(Tensor).Assembly.GetName().Version);

    [Theory]
    [InlineData("0.100.0.0", false)]
    [InlineData("0.107", false)]
    [InlineData("0.107.0.0", false)]
    [InlineData("0.107.0.5", false)]
    [InlineData("0.107.1.0", true)]
    [InlineData("0.108.0.0", true)]
    [InlineData("1.0.0.0", true)]
    public void NeedsNoRepair_AboveTheLastUnsafeVersion(string version, bool expected) =>
        TorchSharpRuntime.NeedsNoRepair(new Version(version)).Should().Be(expected);
}
