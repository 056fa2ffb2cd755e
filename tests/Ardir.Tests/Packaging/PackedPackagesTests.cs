using System.Diagnostics;
using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Ardir.Tests;

/// <summary>What users get: packs the packages, looks inside, installs them into a project of their own from a folder feed, compiles and runs it.</summary>
public sealed partial class PackedPackagesTests : IDisposable
{
    private static readonly string[] _names = ["Ardir.Core", "Ardir.Attacks", "Ardir.Distillation"];
    private static readonly string[] _guides = ["add-a-loss", "add-an-attack", "add-a-dataset"];
    private static readonly string _root = FindRoot();

    private readonly string _folder = Directory.CreateTempSubdirectory("ardir-packages-").FullName;
    private readonly string _version = $"0.1.0-test{DateTime.UtcNow:yyMMddHHmmssfff}";

    [Fact]
    public void PackedPackages_AreComplete_AndRunInAProjectOfTheirOwn()
    {
        Pack();
        foreach (var name in _names) CheckContents(name);
        RunPrograms();
    }

    public void Dispose()
    {
        Directory.Delete(_folder, recursive: true);
        // The restore leaves this run's throw-away version in the user's package cache.
        var cache = Environment.GetEnvironmentVariable("NUGET_PACKAGES") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        foreach (var name in _names)
        {
            var cached = Path.Combine(cache, name.ToLowerInvariant(), _version);
            if (Directory.Exists(cached)) Directory.Delete(cached, recursive: true);
        }
    }

    private void Pack()
    {
        var configuration = AppContext.BaseDirectory.Contains($"{Path.DirectorySeparatorChar}Release{Path.DirectorySeparatorChar}", StringComparison.Ordinal) ? "Release" : "Debug";
        foreach (var name in _names)
            Dotnet(_root, "pack", Path.Combine("src", name), "-c", configuration, "--no-build", $"-p:Version={_version}", "-o", Path.Combine(_folder, "feed"));
    }

    private void CheckContents(string name)
    {
        using var package = ZipFile.OpenRead(Path.Combine(_folder, "feed", $"{name}.{_version}.nupkg"));
        var files = package.Entries.Select(entry => entry.FullName).ToList();
        files.Should().Contain(["README.md", "LICENSE", "icon.png", $"lib/net10.0/{name}.dll", $"lib/net10.0/{name}.xml"]);
        files.Should().NotContain(file => file.EndsWith(".so", StringComparison.Ordinal) || file.StartsWith("runtimes/", StringComparison.Ordinal));
        if (name == "Ardir.Core") files.Where(file => file.StartsWith("buildTransitive/", StringComparison.Ordinal)).Should().BeEquivalentTo(
            "buildTransitive/Ardir.Core.targets", "buildTransitive/RelaxLibstdcxx.targets", "buildTransitive/KeepArgumentsAlive.targets", "buildTransitive/TorchSharpRepair.cs");
        File.Exists(Path.Combine(_folder, "feed", $"{name}.{_version}.snupkg")).Should().BeTrue();

        using var nuspec = package.GetEntry($"{name}.nuspec")!.Open();
        var metadata = XDocument.Load(nuspec).Root!.Elements().First();
        string? Value(string element) => metadata.Elements().FirstOrDefault(child => child.Name.LocalName == element)?.Value;
        Value("license").Should().Be("MIT");
        Value("readme").Should().Be("README.md");
        Value("icon").Should().Be("icon.png");
        Value("description").Should().NotBeNullOrWhiteSpace();
        metadata.Elements().Should().Contain(child => child.Name.LocalName == "repository" && child.Attribute("url") != null);
        metadata.Descendants().Where(child => child.Name.LocalName == "dependency").Select(child => child.Attribute("id")!.Value)
            .Should().BeSubsetOf([.. _names.TakeWhile(other => other != name), "TorchSharp", "Microsoft.Extensions.Logging.Abstractions"]);
    }

    private void RunPrograms()
    {
        var project = Path.Combine(_folder, "app");
        Directory.CreateDirectory(project);
        File.Copy(Path.Combine(_root, "tests", "Ardir.Tests", "Packaging", "Programs", "Program.cs"), Path.Combine(project, "Program.cs"));
        foreach (var guide in _guides) File.WriteAllText(Path.Combine(project, $"{guide}.cs"), CodeOf(guide));
        File.WriteAllText(Path.Combine(project, "app.csproj"), $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <ImplicitUsings>enable</ImplicitUsings>
                <Nullable>enable</Nullable>
                <ArdirRelaxLibstdcxx>true</ArdirRelaxLibstdcxx>
                <CreateHardLinksForCopyLocalIfPossible>true</CreateHardLinksForCopyLocalIfPossible>
              </PropertyGroup>
              <ItemGroup>
                <PackageReference Include="Ardir.Distillation" Version="{_version}" />
                <PackageReference Include="{CpuBackend()}" Version="2.10.0" />
              </ItemGroup>
            </Project>
            """);
        File.WriteAllText(Path.Combine(project, "nuget.config"), """
            <configuration>
              <packageSources>
                <clear />
                <add key="nuget.org" value="https://api.nuget.org/v3/index.json" />
                <add key="packed" value="../feed" />
              </packageSources>
              <packageSourceMapping>
                <packageSource key="nuget.org"><package pattern="*" /></packageSource>
                <packageSource key="packed"><package pattern="Ardir.*" /></packageSource>
              </packageSourceMapping>
            </configuration>
            """);
        var output = Dotnet(project, "run", "-c", "Release", "--", Path.Combine(_folder, "run"));
        output.Should().Contain("all programs ran").And.Contain("arguments of native calls are kept alive: True").And.Contain("layer1.conv");
    }

    /// <summary>The one block of code of a guide in docs, which is compiled and run as its reader would.</summary>
    private static string CodeOf(string guide)
    {
        var text = File.ReadAllText(Path.Combine(_root, "docs", guide + ".md"));
        var code = CodeBlock().Matches(text).Should().ContainSingle("{0} shows one file", guide).Which.Groups["code"].Value;
        code.Count(c => c == '\n').Should().BeLessThanOrEqualTo(40, "{0} must stay short", guide);
        return code;
    }

    [GeneratedRegex(@"^```csharp\r?\n(?<code>.*?)^```", RegexOptions.Singleline | RegexOptions.Multiline | RegexOptions.ExplicitCapture)]
    private static partial Regex CodeBlock();

    private static string CpuBackend() =>
        RuntimeInformation.IsOSPlatform(OSPlatform.Windows) ? "libtorch-cpu-win-x64"
        : RuntimeInformation.IsOSPlatform(OSPlatform.OSX) ? "libtorch-cpu-osx-arm64"
        : "libtorch-cpu-linux-x64";

    private static string Dotnet(string folder, params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", arguments) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        // The test host's own settings must not leak into the build of another project.
        foreach (var name in start.Environment.Keys.Where(key => key.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase) || key.StartsWith("VSTEST", StringComparison.OrdinalIgnoreCase)).ToList())
            start.Environment.Remove(name);
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd() + errors.Result;
        process.WaitForExit();
        process.ExitCode.Should().Be(0, "dotnet {0} printed\n{1}", string.Join(' ', arguments), output);
        return output;
    }

    private static string FindRoot()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Ardir.Library.sln"))) folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("The tests run outside the repository.");
        return folder;
    }
}
