using System.Diagnostics;

namespace Ardir.Tests;

/// <summary>The built samples as a process of their own, with stdout and stderr piped, as a script would run them.</summary>
internal sealed record SampleProcess(int ExitCode, IReadOnlyList<string> Output, IReadOnlyList<string> Errors)
{
    /// <summary>The folder that the samples were built to, in the configuration of the tests.</summary>
    public static string Folder { get; } = Path.Combine(RootFolder(), "samples", "Ardir.Samples", "bin", Configuration(), "net10.0");

    /// <summary>The program in it, to be started by <c>dotnet</c>.</summary>
    public static string Program => ProgramIn(Folder);

    public static SampleProcess Run(string workingFolder, params string[] arguments) => RunFrom(Folder, workingFolder, arguments);

    /// <summary>Runs a copy of the samples in another folder.</summary>
    public static SampleProcess RunFrom(string folder, string workingFolder, params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", [ProgramIn(folder), .. arguments])
        {
            WorkingDirectory = workingFolder, RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false,
        };
        start.Environment["OMP_NUM_THREADS"] = "1";
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return new SampleProcess(process.ExitCode, Lines(output), WithoutNotices(errors.Result));
    }

    /// <summary>What a process wrote, line by line, without libtorch's notices that it does without NNPACK on this processor.</summary>
    public static string[] WithoutNotices(string output) => [.. Lines(output).Where(line => !line.Contains("NNPACK.cpp", StringComparison.Ordinal))];

    /// <summary>Asserts that the process refused: this code and, on stderr alone, this one line.</summary>
    public void ShouldFail(int code, string message)
    {
        Errors.Should().ContainSingle("stdout was {0}", string.Join('\n', Output)).Which.Should().Match(message);
        ExitCode.Should().Be(code);
    }

    /// <summary>Asserts that the process ended well and said nothing on stderr.</summary>
    public SampleProcess ShouldSucceed()
    {
        Errors.Should().BeEmpty();
        ExitCode.Should().Be(0);
        return this;
    }

    private static string ProgramIn(string folder) => Path.Combine(folder, "Ardir.Samples.dll");

    private static string[] Lines(string text) => text.TrimEnd().Split('\n', StringSplitOptions.TrimEntries) is [""] ? [] : text.TrimEnd().Split('\n', StringSplitOptions.TrimEntries);

    private static string Configuration() =>
        AppContext.BaseDirectory.Contains($"{Path.DirectorySeparatorChar}Release{Path.DirectorySeparatorChar}", StringComparison.Ordinal) ? "Release" : "Debug";

    private static string RootFolder()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Ardir.Library.sln"))) folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("The tests run outside the repository.");
        return folder;
    }
}
