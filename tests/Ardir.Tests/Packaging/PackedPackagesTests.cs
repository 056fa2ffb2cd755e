using System.Diagnostics;
using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Xml.Linq;

namespace Ardir.Tests;

/// <summary>What users get: packs the packages, looks inside, installs them into a project of their own from a folder feed, compiles and runs it.</summary>
[Collection(TestSetup.OtherProcesses)]
public sealed class PackedPackagesTests(PackedFeed feed) : IClassFixture<PackedFeed>
{
    private static readonly string[] _names = PackedFeed.Names;
    private static readonly string[] _guides = ["add-a-loss", "add-an-attack", "add-a-threat", "add-a-dataset", "hosting"];
    // Every C# block of these is compiled and run; the project file is the one that README.md shows.
    private static readonly string[] _documents =
        ["README.md", "docs/api.md", "docs/performance.md", "docs/recipes.md", "docs/training.md", "src/Ardir.Core/README.md", "src/Ardir.Attacks/README.md", "src/Ardir.Distillation/README.md"];

    private readonly string _folder = feed.Folder;
    private readonly string _version = feed.Version;

    /// <summary>The folder of the repository.</summary>
    internal static string Root { get; } = FindRoot();

    [Fact]
    public void PackedPackages_AreComplete_AndRunInAProjectOfTheirOwn()
    {
        feed.Pack();
        foreach (var name in _names) CheckContents(name);
        RunPrograms();
    }

    [Theory]
    [InlineData("", "^0\\.1\\.0-dev\\.\\d+\\.g[0-9a-f]{9}(\\.w[0-9a-f]{9})?$")]
    [InlineData("ArdirVersionRoot=no-checkout/", "^0\\.1\\.0-dev$")]
    [InlineData("VersionSuffix=rc.1", "^0\\.1\\.0-rc\\.1$")]
    [InlineData("ArdirRelease=true", "^0\\.1\\.0$")]
    public void PackageVersion_FollowsTheCommit_UnlessItIsAskedFor(string property, string expected)
    {
        if (property.Length == 0 && !Path.Exists(Path.Combine(Root, ".git"))) return;
        string[] asked = property.Length == 0 ? [] : [$"-p:{property}"];
        Dotnet(Root, ["msbuild", Path.Combine("src", "Ardir.Core"), "-t:ArdirPackageVersion", "-getProperty:PackageVersion", .. asked]).Trim().Should().MatchRegex(expected);
    }

    private void CheckContents(string name)
    {
        using var package = ZipFile.OpenRead(Path.Combine(_folder, "ardir-packages", $"{name}.{_version}.nupkg"));
        var files = package.Entries.Select(entry => entry.FullName).ToList();
        files.Should().Contain(["README.md", "LICENSE", "icon.png", $"lib/net10.0/{name}.dll", $"lib/net10.0/{name}.xml"]);
        files.Should().NotContain(file => file.EndsWith(".so", StringComparison.Ordinal) || file.StartsWith("runtimes/", StringComparison.Ordinal));
        if (name == "Ardir.Core") files.Where(file => file.StartsWith("buildTransitive/", StringComparison.Ordinal)).Should().BeEquivalentTo(
            "buildTransitive/Ardir.Core.targets", "buildTransitive/RelaxLibstdcxx.targets", "buildTransitive/KeepArgumentsAlive.targets", "buildTransitive/TorchSharpRepair.cs");
        File.Exists(Path.Combine(_folder, "ardir-packages", $"{name}.{_version}.snupkg")).Should().BeTrue();

        using var nuspec = package.GetEntry($"{name}.nuspec")!.Open();
        var metadata = XDocument.Load(nuspec).Root!.Elements().First();
        string? Value(string element) => metadata.Elements().FirstOrDefault(child => child.Name.LocalName == element)?.Value;
        Value("license").Should().Be("MIT");
        Value("readme").Should().Be("README.md");
        Value("icon").Should().Be("icon.png");
        Value("description").Should().NotBeNullOrWhiteSpace();
        if (name == "Ardir.Attacks") Value("description").Should().Contain("AutoAttack");
        var repository = metadata.Elements().Should().ContainSingle(child => child.Name.LocalName == "repository" && child.Attribute("url") != null).Which;
        // Sources that are no checkout have no commit to point at.
        if (Path.Exists(Path.Combine(Root, ".git")))
            SourceLinkAssert.EveryDocumentIsFound(Path.Combine(_folder, "ardir-packages", $"{name}.{_version}.snupkg"), name, repository.Attribute("url")!.Value);
        metadata.Descendants().Where(child => child.Name.LocalName == "dependency").Select(child => child.Attribute("id")!.Value)
            .Should().BeSubsetOf([.. _names.TakeWhile(other => other != name), "TorchSharp", "Microsoft.Extensions.Logging.Abstractions"]);
        metadata.Descendants().Where(child => child.Name.LocalName == "dependency" && _names.Contains(child.Attribute("id")!.Value))
            .Select(child => child.Attribute("version")!.Value).Should().AllBe($"[{_version}]", "packages of different versions are not made for each other");
    }

    private void RunPrograms()
    {
        var (project, run) = (Path.Combine(_folder, "app"), Path.Combine(_folder, "run"));
        var programs = Path.Combine(Root, "tests", "Ardir.Tests", "Packaging", "Programs");
        foreach (var folder in new[] { project, run }) Directory.CreateDirectory(folder);
        foreach (var program in Directory.EnumerateFiles(programs)) File.Copy(program, Path.Combine(project, Path.GetFileName(program)));
        foreach (var (name, text) in CopiedSources.Of(Path.Combine(Root, "src")).Files) File.WriteAllText(Path.Combine(project, name), text);
        foreach (var guide in _guides) File.WriteAllText(Path.Combine(project, $"{guide}.cs"), Guide(guide));
        var blocks = Blocks(string.Concat(Directory.EnumerateFiles(programs).Select(File.ReadAllText))).ToList();
        for (var i = 0; i < blocks.Count; i++) File.WriteAllText(Path.Combine(project, $"Block{i}.cs"), blocks[i].Source);
        WriteProject(project);
        TorchScriptFile.Write(Path.Combine(run, "model.pt"), TinyModels.Linear(dtype: ScalarType.Float32));

        var output = Dotnet(project, "run", "-c", "Release", "-p:CreateHardLinksForCopyLocalIfPossible=true", "--", run);
        output.Should().Contain("all programs ran").And.Contain("arguments of native calls are kept alive: True").And.Contain("layer1.conv").And.Contain("copies in AutoAttack").And.Contain("ranks by MPI: ");
        output.Should().Contain($"{blocks.Count} blocks of code ran");
        foreach (var (title, _) in blocks) output.Should().Contain($"-- {title}");
    }

    /// <summary>A program whose unused code is cut away computes what one with all of it does.</summary>
    [SkippableFact]
    public void TrimmedProgram_ComputesWhatAnUntrimmedOneDoes()
    {
        feed.Pack();
        var (project, run) = (Path.Combine(_folder, "trimmed"), Path.Combine(_folder, "trimmed-run"));
        foreach (var folder in new[] { project, run, Path.Combine(run, "here") }) Directory.CreateDirectory(folder);
        File.Copy(Path.Combine(Root, "tests", "Ardir.Tests", "Packaging", "Trimmed", "TrimmedRun.cs"), Path.Combine(project, "TrimmedRun.cs"));
        File.WriteAllText(Path.Combine(project, "Program.cs"), """
            TorchSharp.torch.set_num_threads(1);
            System.Console.WriteLine(Ardir.Tests.TrimmedRun.Of(args[0], args[1]));
            System.Console.WriteLine($"arguments of native calls are kept alive: {Ardir.Core.TorchSharpRuntime.KeepsArgumentsAlive}");
            """);
        WriteProject(project);
        var runtime = RuntimeInformation.RuntimeIdentifier;
        // Without the network a runtime to publish with may be missing.
        if (!Succeeds(project, "dotnet", out var why, "restore", "-r", runtime, "-p:PublishTrimmed=true"))
        {
            why.Should().MatchRegex("NU1101|NU1102|NU1301", "only a package that cannot be had is a reason to leave this out");
            throw new SkipTestException($"There is no runtime for {runtime} to publish with: {why.Split('\n').First(line => line.Contains("NU1", StringComparison.Ordinal)).Trim()}");
        }
        var published = Dotnet(
            project, "publish", "--no-restore", "-c", "Release", "-r", runtime, "-p:PublishTrimmed=true", "-o", Path.Combine(run, "app"),
            "-p:CreateHardLinksForPublishFilesIfPossible=true", "-p:CreateHardLinksForCopyLocalIfPossible=true");
        // One notice for TorchSharp, which docs/backends.md explains, and none for these packages.
        published.Should().NotMatchRegex("IL\\d{4}.*Ardir");
        var weights = Path.Combine(AppContext.BaseDirectory, "Goldens", "fm_robust.safetensors");
        var output = Run(run, Path.Combine(run, "app", OperatingSystem.IsWindows() ? "app.exe" : "app"), weights, run);
        // Both are processes of their own: the program draws from the global generator, as the tests that run beside this one do.
        var untrimmed = Run(run, "dotnet", typeof(TrimmedRun).Assembly.Location, "trimmed", weights, Path.Combine(run, "here"));
        SampleProcess.WithoutNotices(output).Should().Equal([.. SampleProcess.WithoutNotices(untrimmed), "arguments of native calls are kept alive: True"]);
    }

    /// <summary>The project file of README.md, for this run's version of the packages. They lie beside it in the folder that it names.</summary>
    private void WriteProject(string project)
    {
        const string ShownVersion = "Version=\"0.1.0-*\"";
        var shown = DocumentedCode.Single(Document("README.md"), "xml");
        shown.Should().Contain(ShownVersion).And.Contain("../ardir-packages");
        var exact = shown.Replace(ShownVersion, $"Version=\"{_version}\"", StringComparison.Ordinal);
        // The package that not every program needs.
        exact = exact.Replace("<ItemGroup>", $"<ItemGroup>\n    <PackageReference Include=\"Ardir.Distributed\" Version=\"{_version}\" />", StringComparison.Ordinal);
        // docs/hosting.md: BackgroundService, and the collector of a server.
        const string Hosting = """
              <PropertyGroup><ServerGarbageCollection>true</ServerGarbageCollection></PropertyGroup>
              <ItemGroup><PackageReference Include="Microsoft.Extensions.Hosting.Abstractions" Version="10.0.15" /></ItemGroup>
            </Project>
            """;
        File.WriteAllText(Path.Combine(project, "app.csproj"), exact.Replace("</Project>", Hosting, StringComparison.Ordinal));
        // So that the settings of whoever runs the tests do not matter.
        File.WriteAllText(Path.Combine(project, "nuget.config"), """
            <configuration>
              <packageSources>
                <clear />
                <add key="nuget.org" value="https://api.nuget.org/v3/index.json" />
              </packageSources>
            </configuration>
            """);
    }

    private static IEnumerable<(string Title, string Source)> Blocks(string surroundings)
    {
        foreach (var shown in DocumentedCode.Shown)
            _documents.Should().Contain(name => Document(name).Contains(shown, StringComparison.Ordinal), "'{0}' is made smaller", shown);
        return _documents.SelectMany(name => DocumentedCode.Of(name, Document(name), surroundings));
    }

    /// <summary>The one block of code of a guide in docs, which is compiled and run as its reader would.</summary>
    private static string Guide(string guide)
    {
        var code = DocumentedCode.Single(Document($"docs/{guide}.md"), "csharp");
        code.Count(c => c == '\n').Should().BeLessThanOrEqualTo(40, "{0} must stay short", guide);
        return code;
    }

    private static string Document(string path) => File.ReadAllText(Path.Combine(Root, path));

    internal static string Dotnet(string folder, params string[] arguments) => Run(folder, "dotnet", arguments);

    private static string Run(string folder, string program, params string[] arguments)
    {
        Succeeds(folder, program, out var output, arguments).Should().BeTrue("{0} {1} printed\n{2}", program, string.Join(' ', arguments), output);
        return output;
    }

    private static bool Succeeds(string folder, string program, out string output, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        // The test host's own settings must not leak into the build of another project.
        foreach (var name in start.Environment.Keys.Where(key => key.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase) || key.StartsWith("VSTEST", StringComparison.OrdinalIgnoreCase)).ToList())
            start.Environment.Remove(name);
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        output = process.StandardOutput.ReadToEnd() + errors.Result;
        process.WaitForExit();
        return process.ExitCode == 0;
    }

    private static string FindRoot()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Ardir.Library.sln"))) folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("The tests run outside the repository.");
        return folder;
    }
}
