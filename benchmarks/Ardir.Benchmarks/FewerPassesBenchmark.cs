using System.Globalization;
using System.Text;
using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Benchmarks;

/// <summary>What the standard ensemble saves by giving up, and whether it breaks the same images, on networks of several kinds.</summary>
internal static class FewerPassesBenchmark
{
    public static int Run(string[] args)
    {
        set_num_threads(1);
        var folders = new FewerPassesFolders(
            CommandLineValue.Of(args, "--fashion") ?? throw new ArgumentException("--fashion FOLDER: the idx files of Fashion-MNIST."),
            CommandLineValue.Of(args, "--cifar"), CommandLineValue.Of(args, "--checkpoints"));
        var only = CommandLineValue.Of(args, "--only")?.Split(',');
        var count = CommandLineValue.Of(args, "--images", int.MaxValue);
        using (var fixture = new FashionFixture(1)) OfficialCost.Check(fixture.OfficialAttacks);
        var text = new StringBuilder();
        foreach (var (name, make) in FewerPassesNetworks.All.Where(entry => only?.Contains(entry.Key) ?? true))
        {
            var network = make(folders);
            Measure(text, name, name == "fixture" ? network : First(network, count));
            if (CommandLineValue.Of(args, "--save") is { } file) File.WriteAllText(file, text.ToString());
        }
        Console.WriteLine(text);
        return 0;
    }

    private static FewerPassesCase First(FewerPassesCase network, int count)
    {
        var first = Math.Min(count, network.Images.shape[0]);
        return network with { Images = network.Images.narrow(0, 0, first), Labels = network.Labels.narrow(0, 0, first) };
    }

    private static void Measure(StringBuilder text, string name, FewerPassesCase network)
    {
        var isL1 = network.Threat is NormThreatModel { Norm: PerturbationNorm.L1 };
        var cost = new OfficialCost(Correct(network));
        Console.Error.WriteLine($"{name}, exhaustive");
        using var whole = Evaluate(network, exhaustive: true, cost);
        Console.Error.WriteLine($"{name}, giving up");
        using var quick = Evaluate(network, exhaustive: false, null);
        var accuracy = string.Create(CultureInfo.InvariantCulture, $"{whole.CleanAccuracy:P1} clean, {whole.RobustAccuracy:P1} robust");
        text.Line($"**{name}**: {FewerPassesNetworks.Descriptions[name]}; {network.Threat}, {whole.Count} images, {accuracy}.");
        text.Line($"");
        text.Line($"| attack | attacked | official | exhaustive | giving up | of official | broken by exhaustive alone | by giving up alone |");
        text.Line($"|---|---:|---:|---:|---:|---:|---:|---:|");
        long[] all = [0, 0, 0];
        for (var i = 0; i < whole.Attacks.Count; i++)
        {
            var attack = whole.Attacks[i];
            long[] passes = [cost.Of(attack.Name, isL1), Passes(attack), Passes(quick.Attacks[i])];
            Row(text, attack.Name, attack.Attacked, passes, Alone(whole, quick, i), Alone(quick, whole, i));
            for (var column = 0; column < all.Length; column++) all[column] += passes[column];
        }
        Row(text, "all", whole.Attacks[0].Attacked, all, Alone(whole, quick, int.MaxValue), Alone(quick, whole, int.MaxValue));
        text.Line($"");
    }

    private static RobustnessReport Evaluate(FewerPassesCase network, bool exhaustive, IProgress<AttackProgress>? progress) =>
        new AutoAttack(network.Threat, new AutoAttackOptions { Exhaustive = exhaustive, Diagnose = false })
            .Evaluate(network.Model, network.Images, network.Labels, new AttackContext { Progress = progress });

    private static int Correct(FewerPassesCase network)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return (int)(network.Model.call(network.Images).argmax(1) == network.Labels).sum().ToInt64();
    }

    // Images that one evaluation has broken after an attack and the other has not.
    private static int Alone(RobustnessReport one, RobustnessReport other, int attack) => Enumerable.Range(0, one.Count)
        .Count(image => IsBroken(one, image, attack) && !IsBroken(other, image, attack));

    private static bool IsBroken(RobustnessReport report, int image, int attack) =>
        report.Data.BrokenBy[image] is >= 0 and var by && by <= attack;

    private static long Passes(AttackSummary attack) => attack.SampleForwards + attack.SampleBackwards;

    private static void Row(StringBuilder text, string name, int attacked, long[] passes, int missed, int gained) => text.Line(
        $"| {name} | {attacked} | {passes[0]:N0} | {passes[1]:N0} | {passes[2]:N0} | {passes[2] / (double)Math.Max(passes[0], 1):F3} | {missed} | {gained} |");
}
