using System.Globalization;
using System.Text;
using Ardir.Core;

namespace Ardir.Benchmarks;

/// <summary>
/// Ratio of what the library takes to the floor: the bare forward and backward passes that the method cannot do without, on the same modules,
/// in the same process, measured in turns so that a change of the machine's mood hits both. Medians of all rounds.
/// </summary>
internal static class OverheadBenchmark
{
    private static readonly Dictionary<string, Func<Distillation.IDistillationLoss, Speedups?, Workload>> _networks =
        new(StringComparer.Ordinal) { ["large"] = Workload.Large, ["small"] = Workload.Quickstart };

    public static int Run(string[] args)
    {
        var rounds = CommandLineValue.Of(args, "--rounds", 7);
        Allocator.KeepMemory();
        set_num_threads(CommandLineValue.Of(args, "--threads", 2));
        var speedups = Speedups.Of(args);
        var text = new StringBuilder().AppendLine(Machine.Describe()).AppendLine()
            .AppendLine("| network | job | format | shards | search | floor (ms) | Ardir (ms) | ratio | must be at most | live tensors per step |")
            .AppendLine("|---|---|---|---:|---|---:|---:|---:|---:|---:|");
        var only = CommandLineValue.Of(args, "--only");
        var network = CommandLineValue.Of(args, "--network");
        foreach (var (name, make) in _networks)
        {
            if (only == "memory") break;
            if (network is not null && network != name) continue;
            using (var workload = make(Workload.Objectives["SAT"](), speedups))
                Add(text, workload, ("PGD-10", $"{speedups}", workload.AttackLimit), rounds * workload.Repeats, (workload.PgdFloor, workload.Pgd));
            foreach (var (objective, loss) in Workload.Objectives)
            {
                if (only is not (null or "time") && only != objective) continue;
                using var workload = make(loss(), speedups);
                Add(text, workload, ($"step of {objective}", $"{speedups}", workload.StepLimit), rounds * workload.Repeats, (workload.StepFloor, workload.Step));
            }
        }
        if (only is null or "memory")
        {
            text.AppendLine().AppendLine("| objective | raw loop, peak MiB | Ardir, peak MiB | ratio | must be at most |").AppendLine("|---|---:|---:|---:|---:|");
            foreach (var row in MemoryBenchmark.Peaks(speedups)) text.AppendLine(row);
            text.AppendLine().AppendLine(MemoryBenchmark.Growth());
        }
        Console.WriteLine(text);
        if (CommandLineValue.Of(args, "--save") is { } file) File.WriteAllText(file, text.ToString());
        return 0;
    }

    private static void Add(StringBuilder text, Workload workload, (string Name, string Speedups, double Limit) job, int rounds, (Action Floor, Action Ours) actions)
    {
        var (floor, ours) = actions;
        WarmUp(floor, ours);
        var before = DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount;
        var (low, high) = Compare(rounds, floor, ours);
        var live = DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount - before;
        text.AppendLine(string.Create(CultureInfo.InvariantCulture,
            $"| {workload.Name} | {job.Name} | {job.Speedups} | {low:F1} | {high:F1} | {high / low:F3} | {job.Limit:F2} | {live / (double)rounds:F0} |"));
        Console.Error.WriteLine($"{workload.Name}, {job.Name}: done");
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
