using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>Evaluations that take a moment, for one process or several; every rank has a network of its own.</summary>
internal static partial class SharedWork
{
    public static readonly ThreatModel Threat = ThreatModel.Linf(0.05);

    private const int Count = 22;

    public static AutoAttackOptions Custom { get; } = new()
    {
        Version = AutoAttackVersion.Custom,
        Attacks =
        [
            new ApgdAttack(Threat, new ApgdOptions { Search = new() { Iterations = 4, Restarts = 2 } }),
            new WorstCaseAttack("chain", new FgsmAttack(Threat), new PgdAttack(Threat, new PgdOptions { Steps = 3 })),
            new TargetedFabAttack(Threat, new TargetedFabOptions { Search = new() { Iterations = 3 } }),
            new TargetedApgdAttack(Threat, new TargetedApgdOptions { Search = new() { Iterations = 6 } }),
            new SquareAttack(Threat, new SquareOptions { Queries = 30 }),
        ],
        BatchSize = 3,
        Seed = 5,
    };

    /// <summary>Networks and options of every sort.</summary>
    public static readonly Dictionary<string, (Func<IModule> Model, AutoAttackOptions Options)> Kinds = new()
    {
        ["attacks of every sort"] = (() => TinyModels.Smooth(), Custom),
        ["security curve"] = (() => TinyModels.Smooth(), Custom with { Attacks = [new FgsmAttack(Threat)], SecurityCurve = [0.03], BatchSize = 8 }),
        ["without a gradient"] = (Detached, Custom),
        ["gradient of zero"] = (FastModels.Masked, Custom),
        ["NaN"] = (Nan, Custom),
        ["one batch"] = (() => TinyModels.Smooth(), Custom with { BatchSize = 64 }),
        ["Standard"] = (Easy, Official(AutoAttackVersion.Standard)),
        ["Fast"] = (Easy, Official(AutoAttackVersion.Fast)),
        ["Plus"] = (Easy, Official(AutoAttackVersion.Plus)),
        ["Rand"] = (Easy, Official(AutoAttackVersion.Rand)),
    };

    public static Tensor Images() => TinyModels.Images(Count);

    /// <summary>What the network without its faults says, so that the attacks have work to do.</summary>
    public static Tensor Labels(Tensor images)
    {
        using var net = TinyModels.Smooth();
        return TinyModels.Predicted(net, images);
    }

    /// <summary>Runs an evaluation by several ranks and returns the result of each.</summary>
    public static T[] Run<T>(int size, string kind, Func<ThreadCollective, IModule, AutoAttackOptions, T> evaluate)
    {
        var (model, options) = Kinds[kind];
        return ThreadCollective.Run(size, ranks =>
        {
            using var scope = NewDisposeScope();
            return evaluate(ranks, model(), options with { Collective = ranks });
        });
    }

    /// <summary>Everything in a report that must not depend on the number of processes.</summary>
    public static string Found(RobustnessReport report) => JsonSerializer.Serialize(new
    {
        Json = JsonReport.Describe(report) with { Attacks = [.. report.Attacks.Select(attack => attack with { Elapsed = TimeSpan.Zero })] },
        Adversarial = Convert.ToHexString(report.Adversarial.bytes),
        report.Threat.Epsilon,
        report.Classes,
    });

    /// <summary>The records of a state file without the measured seconds.</summary>
    public static List<string> Records(string path)
    {
        var bytes = File.ReadAllBytes(path).AsSpan(8);
        var records = new List<string>();
        while (bytes.Length > 0)
        {
            var (json, data) = (BinaryPrimitives.ReadInt32LittleEndian(bytes), BinaryPrimitives.ReadInt32LittleEndian(bytes[4..]));
            var text = Seconds().Replace(Encoding.UTF8.GetString(bytes[8..(8 + json)]), "");
            records.Add($"{text} {Convert.ToHexString(bytes[(8 + json)..(8 + json + data)])}");
            bytes = bytes[(8 + json + data + 8)..];
        }
        return records;
    }

    public static AutoAttack Attack(AutoAttackOptions options) => new(Threat, options);

    private static AutoAttackOptions Official(AutoAttackVersion version) =>
        new() { Version = version, BatchSize = 12, Seed = 3, FastBound = version == AutoAttackVersion.Fast ? 0.2 : 0.01 };

    // No attack needs long, because they break what can be broken and give up the rest.
    private static LinearModel Easy() => FastModels.Plain();

    private static FuncModel Detached()
    {
        var net = TinyModels.Smooth();
        return new FuncModel(x => net.call(x.detach()), net);
    }

    private static FuncModel Nan()
    {
        var net = TinyModels.Smooth();
        return new FuncModel(x => net.call(x).masked_fill(x.flatten(1).narrow(1, 0, 1) > 0.8, double.NaN), net);
    }

    [GeneratedRegex("\"Seconds\":[^,}]*")]
    private static partial Regex Seconds();
}
