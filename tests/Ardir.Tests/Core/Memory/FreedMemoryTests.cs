using System.Globalization;
using Ardir.Core;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Ardir.Tests;

/// <summary>The process keeps what a tensor has freed for the next one. The tests' process has called <see cref="FreedMemory.Keep"/> at its start.</summary>
public class FreedMemoryTests
{
    // As the feature maps of a pass: 24 of 4 MiB each, freed together.
    private const int Maps = 24;
    private const int Elements = 1 << 20;
    private const int Pages = Maps * Elements * sizeof(float) / 4096;

    [SkippableFact]
    public void Keep_TheNextPass_FindsItsMemoryThere()
    {
        RequireGlibc();
        FreedMemory.Keep().Should().BeTrue("a second call changes nothing");
        for (var i = 0; i < 10; i++) Pass();
        var before = PageFaults();
        for (var i = 0; i < 10; i++) Pass();
        (PageFaults() - before).Should().BeLessThan(10 * Pages / 4, "each of ten passes would have fetched most of its pages");
    }

    [SkippableFact]
    public void GiveBack_ReturnsWhatIsFree()
    {
        RequireGlibc();
        Pass();
        var kept = Resident();
        FreedMemory.GiveBack().Should().BeTrue();
        Resident().Should().BeLessThan(kept - (Maps * Elements * sizeof(float) / 2));
    }

    [Fact]
    public void Hint_IsGivenOnce_ToWhoeverListens()
    {
        var (asked, logger) = (0, new ListLogger());
        var hint = new FreedMemoryHint(() => ++asked > 0);
        hint.Tell(NullLogger.Instance);
        asked.Should().Be(0);
        hint.Tell(logger);
        hint.Tell(logger);
        logger.Entries.Should().ContainSingle().Which.Should().Match<(LogLevel Level, string Message)>(
            entry => entry.Level == LogLevel.Information && entry.Message.Contains("FreedMemory.Keep()", StringComparison.Ordinal));

        var unneeded = new ListLogger();
        new FreedMemoryHint(() => false).Tell(unneeded);
        FreedMemoryHint.OfProcess.Tell(unneeded);
        unneeded.Entries.Should().BeEmpty("this process keeps freed memory already, or cannot");
    }

    private static void Pass()
    {
        using var scope = NewDisposeScope();
        for (var i = 0; i < Maps; i++) ones(Elements, device: CPU);
    }

    private static void RequireGlibc()
    {
        if (!FreedMemory.IsKept) throw new SkipTestException("Only the C library of most Linux systems (glibc) has this setting.");
    }

    // The tenth field of stat(5) counts pages that needed no disk; the name of the program, in parentheses, may contain spaces.
    private static long PageFaults() =>
        long.Parse(File.ReadAllText("/proc/self/stat").Split(')')[^1].Split(' ', StringSplitOptions.RemoveEmptyEntries)[7], CultureInfo.InvariantCulture);

    private static long Resident() => long.Parse(File.ReadAllText("/proc/self/statm").Split(' ')[1], CultureInfo.InvariantCulture) * Environment.SystemPageSize;
}
