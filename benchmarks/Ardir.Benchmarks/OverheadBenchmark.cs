using System.Globalization;
using System.Text;
using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Benchmarks;

/// <summary>
/// Ratio of what the library takes to the floor: the bare forward and backward passes that the method cannot do without, on the same modules,
/// measured in turns so that a change of the machine's mood hits both. Medians of all rounds.
/// </summary>
internal static class OverheadBenchmark
{
    // The job that is no training step.
    private const string Attack = "PGD-10";

    private const int RunsPerProcess = 3;

    private static readonly Dictionary<string, Func<IDistillationLoss, Speedups?, Workload>> _networks =
        new(StringComparer.Ordinal) { ["large"] = Workload.Large, ["small"] = Workload.Quickstart };

    public static int Run(string[] args)
    {
        var speedups = Speedups.Of(args);
        // Without the option both sides keep it: whether the C library returns memory depends on what happens to lie at the end of the heap.
        if (!speedups.KeepsMemory) FreedMemory.Keep();
        set_num_threads(CommandLineValue.Of(args, "--threads", 2));
        var text = new StringBuilder().AppendLine(Machine.Describe()).AppendLine()
            .AppendLine("| network | job | format | shards | search | memory | batch norms | convolutions | floor (ms) | Ardir (ms) | ratio | must be at most | live tensors per step |")
            .AppendLine("|---|---|---|---:|---|---|---|---|---:|---:|---:|---:|---:|");
        foreach (var (network, job) in Jobs(args)) Add(text, (network, job), CommandLineValue.Of(args, "--rounds", 7), speedups);
        if (CommandLineValue.Of(args, "--only") is null or "memory")
        {
            text.AppendLine().AppendLine("| objective | raw loop, peak MiB | Ardir, peak MiB | ratio | must be at most |").AppendLine("|---|---:|---:|---:|---:|");
            foreach (var row in MemoryBenchmark.Peaks(speedups, CommandLineValue.Of(args, "--processes", 5))) text.AppendLine(row);
            text.AppendLine().AppendLine(MemoryBenchmark.Growth());
        }
        Console.WriteLine(text);
        if (CommandLineValue.Of(args, "--save") is { } file) File.WriteAllText(file, text.ToString());
        return 0;
    }

    /// <summary>What a job needs; the attack needs no objective, but a workload has one.</summary>
    public static Workload WorkloadOf(string network, string job, Speedups speedups) => _networks[network](Workload.Objectives[job == Attack ? "SAT" : job](), speedups);

    public static Action FloorOf(Workload workload, string job) => job == Attack ? workload.PgdFloor : workload.StepFloor;

    public static Action OursOf(Workload workload, string job) => job == Attack ? workload.Pgd : workload.Step;

    private static IEnumerable<(string Network, string Job)> Jobs(string[] args)
    {
        var only = CommandLineValue.Of(args, "--only");
        if (only == "memory") yield break;
        var network = CommandLineValue.Of(args, "--network");
        foreach (var name in _networks.Keys.Where(name => network is null || network == name))
        {
            yield return (name, Attack);
            foreach (var objective in Workload.Objectives.Keys.Where(objective => only is null or "time" || only == objective)) yield return (name, objective);
        }
    }

    private static void Add(StringBuilder text, (string Network, string Name) job, int rounds, Speedups speedups)
    {
        var isAttack = job.Name == Attack;
        using var workload = WorkloadOf(job.Network, job.Name, speedups);
        if (!speedups.KeepsMemory) rounds *= workload.Repeats;
        var (low, high, live) = speedups.KeepsMemory ? InProcesses(job, rounds, speedups)
            : InTurns(rounds, FloorOf(workload, job.Name), OursOf(workload, job.Name));
        text.AppendLine(string.Create(CultureInfo.InvariantCulture,
            $"| {workload.Name} | {(isAttack ? job.Name : $"step of {job.Name}")} | {speedups with { GivesBackMemory = workload.GivesBackMemory && !isAttack }} | {low:F1} | {high:F1} | {high / low:F3} | {(isAttack ? workload.AttackLimit : workload.StepLimit):F2} | {live / rounds:F0} |"));
        Console.Error.WriteLine($"{workload.Name}, {job.Name}: {high / low:F3}");
    }

    private static (double Floor, double Ours, double Live) InTurns(int rounds, Action floor, Action ours)
    {
        WarmUp(floor, ours);
        var before = DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount;
        var (low, high) = Compare(rounds, floor, ours);
        return (low, high, DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount - before);
    }

    // Each round has processes of its own: how often the C library returns memory is settled when a process starts, and differs from one to the next.
    private static (double Floor, double Ours, double Live) InProcesses((string Network, string Name) job, int rounds, Speedups speedups)
    {
        var (floors, times, live) = (new List<double>(), new List<double>(), 0.0);
        for (var round = 0; round < rounds; round++)
        {
            using var floor = new OverheadChild("floor", job.Network, job.Name, speedups);
            using var ours = new OverheadChild("ours", job.Network, job.Name, speedups);
            for (var run = 0; run < RunsPerProcess; run++)
            {
                floors.Add(floor.Run());
                times.Add(ours.Run());
                live += ours.Live;
            }
        }
        return (Pulse.Median(floors), Pulse.Median(times), live / RunsPerProcess);
    }

    public static void WarmUp(Action floor, Action ours)
    {
        floor();
        ours();
        floor();
        ours();
    }

    /// <summary>Medians in milliseconds, in turns.</summary>
    public static (double Floor, double Ours) Compare(int rounds, Action floor, Action ours)
    {
        var (floors, times) = Pulse.InTurns(rounds, floor, ours);
        return (Pulse.Median(floors), Pulse.Median(times));
    }
}
