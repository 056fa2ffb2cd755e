using System.Globalization;
using System.Text;
using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Benchmarks;

/// <summary>The standard ensemble on the 256 images for which the official result is known: agreement, cost in sample evaluations and time. Then the
/// overhead of each attack over the passes it makes, measured in turns with a bare repetition of the same passes.</summary>
internal static class AutoAttackBenchmark
{
    private const int OfficialImages = 256;
    private const double Epsilon = 0.1;

    public static int Run(string[] args)
    {
        FreedMemory.Keep();
        set_num_threads(2);
        var (count, rounds) = (CommandLineValue.Of(args, "--images", OfficialImages), CommandLineValue.Of(args, "--rounds", 3));
        var text = new StringBuilder();
        var only = CommandLineValue.Of(args, "--only");
        if (only is null or "ensemble") Ensemble(text, count, rounds, Speedups.Of(args));
        if (only is null or "fab") GivingUp(text, count);
        if (only is null or "overhead") Overheads(text, count, rounds, CommandLineValue.Of(args, "--norm"), CommandLineValue.Of(args, "--network"));
        Console.WriteLine(text);
        if (CommandLineValue.Of(args, "--save") is { } file) File.WriteAllText(file, text.ToString());
        return 0;
    }

    private static void Ensemble(StringBuilder text, int count, int rounds, Speedups speedups)
    {
        using var fixture = new FashionFixture(count);
        var reports = new List<RobustnessReport>();
        var context = speedups.Context with { MemoryFormat = speedups.Format };
        for (var round = 0; round < rounds; round++)
        {
            Console.Error.WriteLine($"ensemble, round {round + 1} of {rounds}");
            reports.Add(new AutoAttack(ThreatModel.Linf(Epsilon)).Evaluate(fixture.Model, fixture.Images, fixture.Labels, context));
        }
        var report = reports[0];
        var different = report.Robust.Zip(fixture.OfficialRobust).Count(pair => pair.First != pair.Second);
        text.Line($"{count} images: {report.CleanAccuracy:P2} clean, {report.RobustAccuracy:P2} robust; {different} images differ from the official result.");
        text.Line($"");
        text.Line($"| attack | attacked | robust after | evaluations | official | ratio | seconds (median of {rounds}) | official | ratio |");
        text.Line($"|---|---:|---:|---:|---:|---:|---:|---:|---:|");
        var (ours, theirs, time, theirTime) = (0L, 0L, 0.0, 0.0);
        foreach (var ((attack, i), official) in report.Attacks.Select((attack, i) => (attack, i)).Zip(fixture.OfficialCosts))
        {
            var cost = attack.SampleForwards + attack.SampleBackwards;
            var seconds = Pulse.Median(reports.Select(each => each.Attacks[i].Elapsed.TotalSeconds));
            Row(text, attack.Name, attack.Attacked, attack.RobustAccuracyAfter, cost, official.Evaluations, seconds, official.Seconds);
            (ours, theirs, time, theirTime) = (ours + cost, theirs + official.Evaluations, time + seconds, theirTime + official.Seconds);
        }
        Row(text, "all", report.Attacks[0].Attacked, report.RobustAccuracy, ours, theirs, time, theirTime);
        foreach (var each in reports) each.Dispose();
    }

    private static void Row(StringBuilder text, string name, int attacked, double robust, long cost, long officialCost, double seconds, double officialSeconds) =>
        text.Line($"| {name} | {attacked} | {robust:P2} | {cost:N0} | {officialCost:N0} | {cost / (double)officialCost:F3} | {seconds:F1} | {officialSeconds:F1} | {seconds / officialSeconds:F2} |");

    // FAB-T alone, on all images that the model gets right: what the passes are worth that it saves by giving up.
    private static void GivingUp(StringBuilder text, int count)
    {
        text.Line($"");
        text.Line($"| threat model | broken by FAB-T alone | without giving up | of these broken by one only | evaluations | without giving up | ratio |");
        text.Line($"|---|---:|---:|---:|---:|---:|---:|");
        using var fixture = new FashionFixture(count);
        foreach (var threat in new[] { ThreatModel.Linf(Epsilon), ThreatModel.Linf(Epsilon / 2), ThreatModel.L2(1), ThreatModel.L1(8) })
        {
            var (giving, cost) = Break(fixture, threat, giveUp: true);
            var (never, whole) = Break(fixture, threat, giveUp: false);
            var different = giving.Zip(never).Count(pair => pair.First != pair.Second);
            text.Line($"| {threat} | {giving.Count(broken => broken)} | {never.Count(broken => broken)} | {different} | {cost:N0} | {whole:N0} | {cost / (double)whole:F3} |");
        }
    }

    private static (bool[] Broken, long Cost) Break(FashionFixture fixture, ThreatModel threat, bool giveUp)
    {
        Console.Error.WriteLine($"FAB-T alone, {threat}, giving up: {giveUp}");
        using var report = new AutoAttack(threat, new AutoAttackOptions
        {
            Version = AutoAttackVersion.Custom, Attacks = [new TargetedFabAttack(threat, new TargetedFabOptions { Search = new() { GiveUp = giveUp } })], Diagnose = false,
        }).Evaluate(fixture.Model, fixture.Images, fixture.Labels);
        return ([.. report.BrokenBy.Select(name => name is not null)], report.Attacks[0].SampleForwards + report.Attacks[0].SampleBackwards);
    }

    private static void Overheads(StringBuilder text, int count, int rounds, string? norm, string? network)
    {
        text.Line($"");
        text.Line($"| network | threat model | attack | bare passes (ms) | Ardir (ms) | ratio | must be at most |");
        text.Line($"|---|---|---|---:|---:|---:|---:|");
        if (network is null or "small") SmallOverhead(text, count, rounds, norm);
        if (network is null or "large") LargeOverhead(text, rounds, norm);
    }

    private static void SmallOverhead(StringBuilder text, int count, int rounds, string? norm)
    {
        using var fixture = new FashionFixture(count);
        foreach (var threat in new[] { ThreatModel.Linf(Epsilon), ThreatModel.L2(1), ThreatModel.L1(8) }.Where(threat => IsAsked(threat, norm)))
        {
            foreach (var (limit, attack) in Attacks(threat, 100, 1000))
                Overhead(text, $"small network, {count}x1x28x28", limit, fixture.Model, fixture.Images, attack, rounds);
        }
    }

    private static void LargeOverhead(StringBuilder text, int rounds, string? norm)
    {
        using var model = PreActResNet.Create18(classes: 10);
        model.eval();
        using var like = zeros(16, 3, 32, 32);
        using var images = SampleStreams.ForSamples(3, null, 16).Uniform(like, 0, 1);
        foreach (var threat in new[] { ThreatModel.Linf(1e-4), ThreatModel.L2(1e-3), ThreatModel.L1(1e-2) }.Where(threat => IsAsked(threat, norm)))
        {
            foreach (var (_, attack) in Attacks(threat, 4, 8))
                Overhead(text, "PreActResNet-18, 16x3x32x32", 1.05, model, images, attack, rounds);
        }
    }

    private static bool IsAsked(NormThreatModel threat, string? norm) => norm is null || string.Equals(threat.Norm.ToString(), norm, StringComparison.OrdinalIgnoreCase);

    private static (double Limit, IAttack Attack)[] Attacks(ThreatModel threat, int iterations, int queries) =>
    [
        (1.10, new ApgdAttack(threat, new ApgdOptions { Search = new() { Iterations = iterations } })),
        (1.10, new TargetedApgdAttack(threat, new TargetedApgdOptions { Search = new() { Iterations = iterations }, Classes = 1 })),
        (1.50, new TargetedFabAttack(threat, new TargetedFabOptions { Search = new() { Iterations = iterations }, Classes = 1 })),
        (1.10, new SquareAttack(threat, new SquareOptions { Queries = queries })),
    ];

    private static void Overhead(StringBuilder text, string network, double limit, nn.Module<Tensor, Tensor> model, Tensor images, IAttack attack, int rounds)
    {
        Console.Error.WriteLine($"overhead: {network}, {attack.Name} {attack.Threat}");
        using var scope = NewDisposeScope();
        using var logits = model.call(images);
        // What the model says is right, so that every image is attacked; robust ones stay to the end.
        var labels = logits.argmax(1);
        using var recorder = new PassRecorder(model, labels);
        attack.Perturb(recorder, images, labels).Dispose();
        recorder.Replay();
        var (low, high) = OverheadBenchmark.Compare(rounds, recorder.Replay, () => attack.Perturb(model, images, labels).Dispose());
        text.Line($"| {network} | {((NormThreatModel)attack.Threat).Norm} | {attack.Name} | {low:F0} | {high:F0} | {high / low:F2} | {limit:F2} |");
    }
}
