namespace Ardir.Tests;

/// <summary>The packages in a folder feed of their own, packed once for all tests of a class.</summary>
public sealed class PackedFeed : IDisposable
{
    internal static readonly string[] Names = ["Ardir.Core", "Ardir.Attacks", "Ardir.Distillation", "Ardir.Distributed"];

    private bool _isPacked;

    /// <summary>Where the tests work; the packages lie in <c>ardir-packages</c> below it.</summary>
    public string Folder { get; } = Directory.CreateTempSubdirectory("ardir-packages-").FullName;

    public string Version { get; } = $"0.1.0-test{DateTime.UtcNow:yyMMddHHmmssfff}";

    public void Pack()
    {
        if (_isPacked) return;
        var configuration = AppContext.BaseDirectory.Contains($"{Path.DirectorySeparatorChar}Release{Path.DirectorySeparatorChar}", StringComparison.Ordinal) ? "Release" : "Debug";
        foreach (var name in Names)
            PackedPackagesTests.Dotnet(
                PackedPackagesTests.Root, "pack", Path.Combine("src", name), "-c", configuration, "--no-build", $"-p:Version={Version}", "-o", Path.Combine(Folder, "ardir-packages"));
        _isPacked = true;
    }

    public void Dispose()
    {
        Directory.Delete(Folder, recursive: true);
        // The restore leaves this run's throw-away version in the user's package cache.
        var cache = Environment.GetEnvironmentVariable("NUGET_PACKAGES") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        foreach (var name in Names)
        {
            var cached = Path.Combine(cache, name.ToLowerInvariant(), Version);
            if (Directory.Exists(cached)) Directory.Delete(cached, recursive: true);
        }
    }
}
