using System.Globalization;
using System.Text;
using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Benchmarks;

/// <summary>The fast version of the ensemble beside the exhaustive one on the fixture of the official result: evaluations, the images that are
/// broken, and what the sample for Square says about the others.</summary>
internal static class FastBenchmark
{
    private const double Epsilon = 0.1;

    private static readonly (int Images, double Bound, double Limit)[] _cases = [(256, 0.05, 0.50), (2000, 0.01, 0.35)];

    public static int Run(string[] args)
    {
        set_num_threads(CommandLineValue.Of(args, "--threads", 2));
        using (var fixture = new FashionFixture(1)) OfficialCost.Check(fixture.OfficialAttacks);
        var text = new StringBuilder();
        var only = CommandLineValue.Of(args, "--images", 0);
        foreach (var (images, bound, limit) in _cases.Where(one => only == 0 || one.Images == only))
        {
            Measure(text, images, bound, limit);
            if (CommandLineValue.Of(args, "--save") is { } file) File.WriteAllText(file, text.ToString());
        }
        Console.WriteLine(text);
        return 0;
    }

    private static void Measure(StringBuilder text, int images, double bound, double limit)
    {
        using var fixture = new FashionFixture(images);
        Console.Error.WriteLine($"{images} images, fast");
        using var fast = Evaluate(fixture, new AutoAttackOptions { Version = AutoAttackVersion.Fast, FastBound = bound, Diagnose = false }, null);
        Console.Error.WriteLine($"{images} images, exhaustive");
        var cost = new OfficialCost((int)Math.Round(fast.CleanAccuracy * images));
        using var whole = Evaluate(fixture, new AutoAttackOptions { Exhaustive = true, Diagnose = false }, cost);
        // The exact cost follows from the images of every unit, which are told apart only where a unit is one batch.
        var isExact = images <= new AutoAttackOptions().BatchSize;
        var different = fast.Robust.Zip(whole.Robust).Count(pair => pair.First != pair.Second);
        text.Line($"**{images:N0} images, bound {100 * bound:F0} points**: {whole.CleanAccuracy:P1} clean; robust {whole.RobustAccuracy:P2} by the exhaustive ");
        text.Line($"standard version, {fast.RobustAccuracy:P2} by the fast one. {different} images differ. {fast.SquareSample}");
        text.Line($"");
        if (!isExact)
        {
            text.Line($"The official evaluations are at least these: as if the images that an attack breaks had left it at once.");
            text.Line($"");
        }
        text.Line($"| attack | attacked | official | exhaustive | fast | of official | must be at most |");
        text.Line($"|---|---:|---:|---:|---:|---:|---:|");
        long[] all = [0, 0, 0];
        foreach (var (attack, quick) in whole.Attacks.Zip(fast.Attacks))
        {
            var official = isExact
                ? cost.Of(attack.Name, isL1: false)
                : OfficialCost.AtLeast(attack.Name, attack.Attacked, attack.Attacked - attack.Broken);
            long[] passes = [official, Passes(attack), Passes(quick)];
            Row(text, attack.Name, attack.Attacked, passes, "");
            for (var column = 0; column < all.Length; column++) all[column] += passes[column];
        }
        Row(text, "all", whole.Attacks[0].Attacked, all, limit.ToString("F2", CultureInfo.InvariantCulture));
        text.AppendLine();
        Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{images} images: {all[2] / (double)all[0]:F3} of the official evaluations"));
    }

    private static RobustnessReport Evaluate(FashionFixture fixture, AutoAttackOptions options, IProgress<AttackProgress>? progress) =>
        new AutoAttack(ThreatModel.Linf(Epsilon), options)
            .Evaluate(fixture.Model, fixture.Images, fixture.Labels, new AttackContext { Progress = progress });

    private static long Passes(AttackSummary attack) => attack.SampleForwards + attack.SampleBackwards;

    private static void Row(StringBuilder text, string name, int attacked, long[] passes, string limit) => text.Line(
        $"| {name} | {attacked} | {passes[0]:N0} | {passes[1]:N0} | {passes[2]:N0} | {passes[2] / (double)Math.Max(passes[0], 1):F3} | {limit} |");
}
