using System.Globalization;
using System.Text;
using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Benchmarks;

/// <summary>
/// What the repair of TorchSharp costs: the same jobs with the repaired file and with the package's, in one process and in turns. The second one is loaded beside the first, with a copy of the library.
/// </summary>
internal static class RepairBenchmark
{
    private const int Calls = 20_000;

    public static int Run(string[] args)
    {
        var rounds = CommandLineValue.Of(args, "--rounds", 15);
        FreedMemory.Keep();
        set_num_threads(2);
        var repaired = Jobs();
        var asItCame = (List<(string Name, Action Job, bool IsRepaired)>)AsItCameContext.Call(typeof(RepairBenchmark), nameof(Jobs))!;
        if (!repaired[0].IsRepaired || asItCame[0].IsRepaired) throw new InvalidOperationException("Not the two files of TorchSharp that were to be compared.");
        var text = new StringBuilder().AppendLine("| job | TorchSharp as it came (ms) | repaired (ms) | ratio |").AppendLine("|---|---:|---:|---:|");
        foreach (var ((name, ours, _), (_, floor, _)) in repaired.Zip(asItCame))
        {
            OverheadBenchmark.WarmUp(floor, ours);
            var (low, high) = OverheadBenchmark.Compare(rounds, floor, ours);
            text.AppendLine(string.Create(CultureInfo.InvariantCulture, $"| {name} | {low:F1} | {high:F1} | {high / low:F3} |"));
            Console.Error.WriteLine($"{name}: done");
        }
        Console.Write(text);
        if (CommandLineValue.Of(args, "--save") is { } file) File.WriteAllText(file, text.ToString());
        return 0;
    }

    // The network is small, so that calls weigh more in its passes than in those of any larger one. The first job is nothing but calls: on a tensor of one number libtorch itself has next to nothing to do.
    private static List<(string Name, Action Job, bool IsRepaired)> Jobs()
    {
        set_num_threads(2);
        var isRepaired = TorchSharpRuntime.KeepsArgumentsAlive;
        var number = ones(1);
        var network = Workload.Quickstart(new ArdirLoss());
        return
        [
            ($"{Calls:N0} sums of one number", () => Sum(number), isRepaired),
            ($"{network.Name}: PGD-10", network.Pgd, isRepaired),
            ($"{network.Name}: step of ARDIR", network.Step, isRepaired),
        ];
    }

    private static void Sum(Tensor number)
    {
        for (var i = 0; i < Calls; i++) number.add(number).Dispose();
    }
}
