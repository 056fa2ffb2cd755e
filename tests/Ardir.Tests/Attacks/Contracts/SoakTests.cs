using Ardir.Core;

namespace Ardir.Tests;

/// <summary>Ten seconds of the soak: <c>benchmarks -- soak</c> runs it for as long as one likes.</summary>
public sealed class SoakTests
{
    [Fact]
    public void AttacksEvaluationsAndTraining_BesideThreadsThatAllocateAndCollect_NeverFailAndComputeTheSame()
    {
        TorchSharpRuntime.KeepsArgumentsAlive.Should().BeTrue("the build mends the TorchSharp beside the tests");
        using var folder = new TemporaryFolder();
        var report = Soak.Run(TimeSpan.FromSeconds(10), folder.Path);
        report.Failures.Should().BeEmpty();
        report.Mismatches.Should().BeEmpty();
        report.PressureFailures.Should().BeEmpty();
        report.Collections.Should().BePositive();
        // How many of the others come to their turn depends on the machine.
        report.Runs.Keys.Should().Contain(name => name.StartsWith("Fit", StringComparison.Ordinal)).And.Contain(name => name.StartsWith("FGSM", StringComparison.Ordinal));
    }
}
