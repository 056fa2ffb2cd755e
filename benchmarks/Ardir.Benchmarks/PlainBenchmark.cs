using System.Globalization;
using System.Text;
using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Benchmarks;

/// <summary>Each attack of the ensemble and PGD beside the same attack written plainly, in at most 40 lines and without checks, as a user would port it
/// from the papers: evaluations, broken images, seconds and memory.</summary>
internal static class PlainBenchmark
{
    private const double Epsilon = 0.1;
    private const double Step = 0.02;
    private const int Steps = 20;
    private const int Iterations = 100;
    private const int Targets = 9;
    private const int Queries = 5000;
    private const string Child = "plain-child";
    private static readonly NormThreatModel _threat = ThreatModel.Linf(Epsilon);

    private static readonly (string Name, Func<IModule, Tensor, Tensor, Tensor> Plain, IAttack Ardir)[] _rows =
    [
        ("PGD-20", (model, x, y) => PlainPgd.Run(model, x, y, Epsilon, Step, Steps), new PgdAttack(_threat, new PgdOptions { Steps = Steps, StepSize = Step })),
        ("APGD-CE", (model, x, y) => PlainApgd.Run(model, x, y, Epsilon, Iterations, PlainPasses.CrossEntropy(y)), new ApgdAttack(_threat)),
        ("APGD-T", (model, x, y) => PlainApgd.RunTargeted(model, x, y, Epsilon, Iterations, Targets), new TargetedApgdAttack(_threat)),
        ("FAB-T", (model, x, y) => PlainFab.Run(model, x, y, Epsilon, Iterations, Targets), new TargetedFabAttack(_threat)),
        ("Square", (model, x, y) => PlainSquare.Run(model, x, y, Epsilon, Queries), new SquareAttack(_threat)),
    ];

    public static int Run(string[] args)
    {
        var (count, rounds) = (CommandLineValue.Of(args, "--images", 64), CommandLineValue.Of(args, "--rounds", 5));
        var threads = CommandLineValue.Of(args, "--threads", 2);
        if (args.FirstOrDefault() is "plain" or "ardir") return RunChild(args[0], args[1], count, threads);
        FreedMemory.Keep();
        set_num_threads(threads);
        var text = new StringBuilder();
        text.Line($"{Machine.Describe()}; medians of {rounds} rounds in turns, quartiles in brackets; {count} test images of Fashion-MNIST, of which the correct ones are attacked; Linf({Epsilon}).");
        text.Line($"");
        text.Line($"| attack | broken, plain | broken, Ardir | evaluations, plain | Ardir | ratio | seconds, plain | Ardir | ratio | peak MiB, plain | Ardir | ratio |");
        text.Line($"|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
        var only = CommandLineValue.Of(args, "--only");
        foreach (var row in _rows.Where(row => only is null || row.Name == only))
        {
            Console.Error.WriteLine($"plain: {row.Name}");
            Measure(text, row.Name, row.Plain, row.Ardir, (count, rounds, threads));
            if (CommandLineValue.Of(args, "--save") is { } file) File.WriteAllText(file, text.ToString());
        }
        Console.WriteLine(text);
        return 0;
    }

    private static void Measure(
        StringBuilder text, string name, Func<IModule, Tensor, Tensor, Tensor> plain, IAttack ardir, (int Count, int Rounds, int Threads) how)
    {
        using var fixture = new FashionFixture(how.Count);
        using var scope = NewDisposeScope();
        var (images, labels) = Correct(fixture);
        Tensor Plain(IModule model) => plain(model, images, labels);
        Tensor Ours(IModule model) => ardir.Perturb(model, images, labels);
        var (plainBroken, plainCost) = Count(fixture.Model, labels, Plain);
        var (ourBroken, ourCost) = Count(fixture.Model, labels, Ours);
        var (first, second) = Pulse.InTurns(how.Rounds, () => Plain(fixture.Model).Dispose(), () => Ours(fixture.Model).Dispose());
        var (plainPeak, ourPeak) = (Peak("plain", name, how), Peak("ardir", name, how));
        text.Line($"| {name} | {plainBroken} | {ourBroken} | {plainCost:N0} | {ourCost:N0} | {ourCost / (double)plainCost:F3} | {Seconds(first)} | {Seconds(second)} | {Pulse.Median(second) / Pulse.Median(first):F3} | {plainPeak:F0} | {ourPeak:F0} | {ourPeak / plainPeak:F3} |");
    }

    private static string Seconds(List<double> times) => string.Create(
        CultureInfo.InvariantCulture,
        $"{Pulse.Median(times) / 1000:F2} ({Pulse.Quartile(times, 0.25) / 1000:F2} to {Pulse.Quartile(times, 0.75) / 1000:F2})");

    private static (Tensor Images, Tensor Labels) Correct(FashionFixture fixture)
    {
        using var noGrad = no_grad();
        var right = (fixture.Model.call(fixture.Images).argmax(1) == fixture.Labels).nonzero().flatten();
        return (fixture.Images.index_select(0, right), fixture.Labels.index_select(0, right));
    }

    private static (long Broken, long Evaluations) Count(nn.Module<Tensor, Tensor> model, Tensor labels, Func<IModule, Tensor> attack)
    {
        using var scope = NewDisposeScope();
        using var recorder = new PassRecorder(model, labels);
        var found = attack(recorder);
        using var noGrad = no_grad();
        return ((model.call(found).argmax(1) != labels).sum().ToInt64(), recorder.Evaluations);
    }

    private static double Peak(string mode, string name, (int Count, int Rounds, int Threads) how) =>
        MemoryBenchmark.Child(Child, mode, name, "--images", $"{how.Count}", "--threads", $"{how.Threads}")[0];

    /// <summary>The child: attacks once and prints its peak in MiB.</summary>
    private static int RunChild(string mode, string name, int count, int threads)
    {
        set_num_threads(threads);
        var row = _rows.Single(row => row.Name == name);
        using var fixture = new FashionFixture(count);
        using var scope = NewDisposeScope();
        var (images, labels) = Correct(fixture);
        if (mode == "plain") row.Plain(fixture.Model, images, labels).Dispose();
        else row.Ardir.Perturb(fixture.Model, images, labels).Dispose();
        Console.WriteLine(MemoryBenchmark.Status("VmHWM"));
        return 0;
    }
}
