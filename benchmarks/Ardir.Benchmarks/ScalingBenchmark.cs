using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Ardir.Benchmarks;

/// <summary>
/// Two ranks with one thread each against one rank with one thread, in turns, and against two processes that know nothing of each other: what
/// two such processes reach on the machine is the most that two ranks could.
/// </summary>
internal static class ScalingBenchmark
{
    private static readonly (string Job, string Name)[] _jobs =
    [
        ("training", "training, batch norm synchronised"), ("training-local", "training, batch norm local"), ("autoattack", "APGD-CE and Square by AutoAttack"),
    ];

    private static readonly int[] _bytes = [8, 65_536, 1_048_576, 44_696_872];

    public static int Run(string[] args)
    {
        var launcher = CommandLineValue.Of(args, "--launcher") ?? "mpirun";
        var rounds = CommandLineValue.Of(args, "--rounds", 2);
        var text = new StringBuilder()
            .AppendLine("| job | rounds | 1 rank (images/s) | 2 ranks (images/s) | ratio | of medians | must be at least | 2 processes apart (images/s) | ratio |")
            .AppendLine("|---|---:|---:|---:|---:|---:|---:|---:|---:|");
        ScalingResult? step = null;
        var alone = 0.0;
        foreach (var (job, name) in _jobs.Where(entry => CommandLineValue.Of(args, "--only") is not { } only || only == entry.Job))
        {
            var (one, two, apart) = (new List<double>(), new List<double>(), new List<double>());
            for (var round = 0; round < rounds; round++)
            {
                one.Add(Alone(job)[0].Rate);
                if (job == "training") alone = one.Max();
                var shared = Ranks(launcher, job);
                two.Add(shared.Rate);
                if (job == "training") step = shared;
                apart.Add(Alone(job, processes: 2).Sum(result => result.Rate));
            }
            // What else runs on a machine only ever slows a round down.
            var (best, limit) = (one.Max(), job == "autoattack" ? 1.9 : 1.8);
            text.AppendLine(string.Create(CultureInfo.InvariantCulture,
                $"| {name} | {rounds} | {best:F2} | {two.Max():F2} | {two.Max() / best:F2} | {Pulse.Median(two) / Pulse.Median(one):F2} | {limit:F1} | {apart.Max():F2} | {apart.Max() / best:F2} |"));
            Console.Error.WriteLine($"{name}: 1 rank {List(one)}, 2 ranks {List(two)}, 2 processes {List(apart)} images/s");
        }
        Exchanges(text, launcher);
        if (step is not null) Steps(text, step, alone);
        Console.WriteLine(text);
        if (CommandLineValue.Of(args, "--save") is { } file) File.WriteAllText(file, text.ToString());
        return 0;
    }

    private static void Exchanges(StringBuilder text, string launcher)
    {
        text.AppendLine().AppendLine("| sum over 2 ranks of | median of 50 (ms) |").AppendLine("|---:|---:|");
        foreach (var bytes in _bytes)
            text.AppendLine(string.Create(CultureInfo.InvariantCulture, $"| {bytes:N0} bytes | {Ranks(launcher, $"{bytes}").Seconds * 1e3:F3} |"));
    }

    private static void Steps(StringBuilder text, ScalingResult step, double alone)
    {
        var (seconds, calls, bytes) = (step.Seconds / step.Steps, step.Calls / (double)step.Steps, step.Bytes / (double)step.Steps);
        text.AppendLine().AppendLine(string.Create(CultureInfo.InvariantCulture,
            $"A step of 2 ranks, batch norm synchronised: {seconds:F2} s, of which {step.Exchange / step.Steps:F3} s within {calls:F0} exchanges of {bytes / 1e6:F1} MB together (the wait for the other rank included)."));
        ScalingModel.Compare(text, step, alone);
        ScalingModel.Write(text, calls, bytes);
    }

    private static List<ScalingResult> Alone(string job, int processes = 1)
    {
        var files = Enumerable.Range(0, processes).Select(_ => Path.GetTempFileName()).ToList();
        var started = files.ConvertAll(file => Start("dotnet", [Own, "scaling-child", job, file]));
        return [.. started.Zip(files).Select(pair => End(pair.First, pair.Second))];
    }

    private static ScalingResult Ranks(string launcher, string job)
    {
        var file = Path.GetTempFileName();
        return End(Start(launcher, ["-n", "2", "dotnet", Own, "scaling-child", job, file]), file);
    }

    private static string Own => typeof(ScalingBenchmark).Assembly.Location;

    private static Process Start(string program, IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { UseShellExecute = false };
        // Containers often have no other user, and Open MPI asks twice.
        (start.Environment["OMPI_ALLOW_RUN_AS_ROOT"], start.Environment["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"]) = ("1", "1");
        start.Environment["OMP_NUM_THREADS"] = "1";
        return Process.Start(start)!;
    }

    private static ScalingResult End(Process process, string file)
    {
        process.WaitForExit();
        if (process.ExitCode != 0) throw new InvalidOperationException($"A measured process ended with exit code {process.ExitCode}.");
        process.Dispose();
        var result = JsonSerializer.Deserialize<ScalingResult>(File.ReadAllText(file))!;
        File.Delete(file);
        return result;
    }

    private static string List(IEnumerable<double> rates) => string.Join(' ', rates.Select(rate => rate.ToString("F2", CultureInfo.InvariantCulture)));
}
