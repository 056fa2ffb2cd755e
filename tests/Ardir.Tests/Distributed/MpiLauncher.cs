using System.ComponentModel;
using System.Diagnostics;

namespace Ardir.Tests;

/// <summary>Starts this assembly as several ranks by the launcher of an MPI library.</summary>
internal static class MpiLauncher
{
    // Only so that a hang does not stop the tests for ever; jobs end within seconds.
    private static readonly TimeSpan _cap = TimeSpan.FromMinutes(2);

    // Debian installs several libraries side by side and gives each launcher a name of its own; elsewhere there is usually one.
    private static readonly Dictionary<string, (string[] Names, string Sign, string Package)> _libraries = new(StringComparer.Ordinal)
    {
        ["Open MPI"] = (["mpirun.openmpi", "mpirun"], "Open MPI", "openmpi-bin"),
        ["MPICH"] = (["mpiexec.mpich", "mpiexec.hydra", "mpiexec"], "HYDRA", "mpich"),
    };

    /// <summary>The launcher of a library. Skips the test where there is none.</summary>
    public static string Of(string library)
    {
        var (names, sign, package) = _libraries[library];
        return names.FirstOrDefault(name => Version(name).Contains(sign, StringComparison.Ordinal))
            ?? throw new SkipTestException($"There is no launcher of {library} ({string.Join(", ", names)}); eng/install-mpi.sh installs {package}.");
    }

    /// <summary>Runs a job of <see cref="MpiWorker"/> to its end.</summary>
    /// <param name="library">Open MPI or MPICH.</param>
    /// <param name="ranks">How many; more than the machine has processors if need be.</param>
    /// <param name="job">The name of the job and its arguments.</param>
    /// <param name="environment">More environment variables.</param>
    /// <returns>The exit code of the launcher, and everything that it and the ranks wrote.</returns>
    public static (int Code, string Output) Run(string library, int ranks, string[] job, params (string Name, string Value)[] environment)
    {
        using var process = Start(library, ranks, job, environment);
        return End(process);
    }

    /// <summary>Starts a job; <see cref="End"/> waits for it.</summary>
    public static Process Start(string library, int ranks, string[] job, params (string Name, string Value)[] environment) =>
        StartProgram(library, ranks, ["dotnet", typeof(MpiWorker).Assembly.Location, "mpi", .. job], environment);

    /// <summary>Starts any program; <see cref="End"/> waits for it.</summary>
    public static Process StartProgram(string library, int ranks, string[] command, params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo(Of(library)) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true, UseShellExecute = false };
        string[] options = library == "Open MPI" ? ["--oversubscribe", "--bind-to", "none"] : [];
        foreach (var argument in (string[])[.. options, "-n", $"{ranks}", .. command])
            start.ArgumentList.Add(argument);
        (string, string)[] usual =
        [
            ("OMP_NUM_THREADS", "1"), ("OMPI_ALLOW_RUN_AS_ROOT", "1"), ("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"),
            // Containers often forbid one process to read the memory of another, about which Open MPI then complains.
            ("OMPI_MCA_btl_vader_single_copy_mechanism", "none"),
        ];
        foreach (var (name, value) in usual.Concat(environment)) start.Environment[name] = value;
        var process = Process.Start(start)!;
        process.StandardInput.Close();
        return process;
    }

    /// <summary>Waits until a job ends.</summary>
    public static (int Code, string Output) End(Process process)
    {
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        if (!process.WaitForExit(_cap)) process.Kill(entireProcessTree: true);
        process.WaitForExit();
        return (process.ExitCode, output.Result + errors.Result);
    }

    private static string Version(string launcher)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(launcher, ["--version"]) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false })!;
            var errors = process.StandardError.ReadToEndAsync();
            var text = process.StandardOutput.ReadToEnd() + errors.Result;
            process.WaitForExit();
            return text;
        }
        catch (Win32Exception)
        {
            return "";
        }
    }
}
