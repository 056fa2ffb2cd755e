using System.Diagnostics;

namespace Ardir.Tests;

/// <summary>What eng/KeepArgumentsAlive.targets says and does in a build, by MSBuild itself, in a project without anything else.</summary>
[Collection(TestSetup.OtherProcesses)]
public sealed class KeepArgumentsAliveTargetTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ardir-target-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void OldFilesAreReplaced_NewerOnesAreLeftAlone_DamagedOnesEndTheBuild_AndThePropertyTurnsItOff()
    {
        var original = File.ReadAllBytes(TorchSharpRepairTests.PackageFile());
        var newer = (byte[])original.Clone();
        newer[NativeCalls.VersionOffset(newer) + 2] = 108;
        Write("old", original);
        Write("newer", newer);
        Write("damaged", original[..5000]);
        Write("off", original, "false");
        Write("mistyped", original, "flase");

        // Again: what is made is not made once more, and is still what goes to the output.
        var said = Build("old", "old", "newer", "newer", "damaged", "off", "mistyped");

        said["old"].Should().Contain("keeps arguments of native calls alive (1150 methods marked)").And.Contain("Off: ArdirKeepArgumentsAlive=false")
            .And.Contain($"copied: {Copy("old")}").And.Contain("not precompiled: TorchSharp.dll");
        said["old again"].Should().NotContain("methods marked").And.Contain($"copied: {Copy("old")}").And.Contain("not precompiled: TorchSharp.dll");
        said["newer"].Should().Contain("TorchSharp 0.108.0 is above 0.107.0 and is left alone by ArdirKeepArgumentsAlive")
            .And.Contain($"copied: {Package("newer")}").And.NotContain("not precompiled: TorchSharp");
        said["newer again"].Should().NotContain("ARDIR").And.NotContain("left alone").And.Contain($"copied: {Package("newer")}");
        said["damaged"].Should().Contain("error ARDIR001: TorchSharp cannot be repaired").And.Contain(Package("damaged"))
            .And.Contain("ArdirKeepArgumentsAlive to false").And.NotContain("copied:");
        said["off"].Should().NotContain("ARDIR").And.NotContain("->").And.Contain($"copied: {Package("off")}");
        said["mistyped"].Should().Contain("error ARDIR002: ArdirKeepArgumentsAlive is 'flase'; expected true or false").And.NotContain("copied:");

        File.ReadAllBytes(Copy("old")).Should().NotEqual(original);
        new[] { "newer", "damaged", "off", "mistyped" }.Should().NotContain(name => File.Exists(Copy(name)));
        File.ReadAllBytes(Package("old")).AsSpan().SequenceEqual(original).Should().BeTrue("the package's file is never touched");
    }

    [Fact]
    public void ACopyThatWasDeletedIsMadeAgain_AlthoughItsStampIsThere()
    {
        Write("old", File.ReadAllBytes(TorchSharpRepairTests.PackageFile()));
        Build("old");
        var made = File.ReadAllBytes(Copy("old"));
        File.Delete(Copy("old"));
        File.Exists(Copy("old") + ".stamp").Should().BeTrue();

        Build("old")["old"].Should().Contain("1150 methods marked").And.Contain($"copied: {Copy("old")}");

        File.ReadAllBytes(Copy("old")).AsSpan().SequenceEqual(made).Should().BeTrue();
    }

    private string Package(string name) => Path.Combine(_folder, name, "package", "TorchSharp.dll");

    private string Copy(string name) => $"{Path.Combine(_folder, name)}/obj/ardir/TorchSharp.dll";

    /// <summary>The little of a program's project that the targets look at.</summary>
    private void Write(string name, byte[] file, string property = "")
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Package(name))!);
        File.WriteAllBytes(Package(name), file);
        File.WriteAllText(Path.Combine(_folder, name, "app.proj"), $"""
            <Project>
              <PropertyGroup>
                <IntermediateOutputPath>obj/</IntermediateOutputPath>
                <CopyLocalLockFileAssemblies>true</CopyLocalLockFileAssemblies>
                <ArdirKeepArgumentsAlive>{property}</ArdirKeepArgumentsAlive>
              </PropertyGroup>
              <Target Name="ResolvePackageAssets">
                <ItemGroup><RuntimeCopyLocalItems Include="{Package(name)}" /></ItemGroup>
              </Target>
              <Import Project="{Path.Combine(PackedPackagesTests.Root, "eng", "KeepArgumentsAlive.targets")}" />
              <Target Name="Show" DependsOnTargets="ResolvePackageAssets">
                <Message Importance="high" Text="copied: @(RuntimeCopyLocalItems)" />
                <Message Importance="high" Text="not precompiled: @(PublishReadyToRunExclude)" />
              </Target>
            </Project>
            """);
    }

    /// <summary>Builds the projects in turn in one MSBuild; a name that comes again is built again.</summary>
    private Dictionary<string, string> Build(params string[] names)
    {
        var steps = names.Select((name, i) => $"""
            <Message Importance="high" Text="=== {(names.AsSpan(0, i).Contains(name) ? $"{name} again" : name)}" />
            <MSBuild Projects="{Path.Combine(_folder, name, "app.proj")}" Targets="Show" Properties="Step={i}" ContinueOnError="true" />
            """);
        var all = Path.Combine(_folder, "all.proj");
        File.WriteAllText(all, $"<Project><Target Name=\"All\">{string.Join('\n', steps)}</Target></Project>");
        string[] arguments = ["msbuild", all, "-nologo", "-nodeReuse:false", "-tl:off", "-v:minimal"];
        var start = new ProcessStartInfo("dotnet", arguments) { RedirectStandardOutput = true, UseShellExecute = false };
        var inherited = start.Environment.Keys.Where(key => key.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase)).ToList();
        foreach (var name in inherited) start.Environment.Remove(name);
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return output.Split("=== ")[1..].Select(part => part.Split('\n', 2)).ToDictionary(part => part[0].Trim(), part => part[1]);
    }
}
