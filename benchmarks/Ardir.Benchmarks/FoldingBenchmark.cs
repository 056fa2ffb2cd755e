using System.Globalization;
using System.Text;
using Ardir.Core;

namespace Ardir.Benchmarks;

/// <summary>What folding batch norms into convolutions brings for a pass of an attack: forward and input gradient with and without a
/// <see cref="FoldedScope"/>, in turns, for networks of the catalogue.</summary>
internal static class FoldingBenchmark
{
    private static readonly (string Name, Func<nn.Module<Tensor, Tensor>> Make, long[] Shape)[] _networks =
    [
        (Workload.LargeTask.Name, () => PreActResNet.Create18(seed: 1), [16, 3, 32, 32]),
        (Workload.QuickstartTask.Name, () => PreActResNet.Create(Workload.QuickstartTask.Options), [128, 1, 28, 28]),
        ("ResNet-18, 16x3x32x32", () => ResNet.Create18(seed: 1), [16, 3, 32, 32]),
        ("WRN-16-2, 32x3x32x32", () => WideResNet.Create(new WideResNetOptions { Depth = 16, Widen = 2, Seed = 1 }), [32, 3, 32, 32]),
        ("MobileNetV2, 16x3x32x32", () => MobileNetV2.Create(seed: 1), [16, 3, 32, 32]),
    ];

    public static int Run(string[] args)
    {
        FreedMemory.Keep();
        set_num_threads(CommandLineValue.Of(args, "--threads", 2));
        var rounds = CommandLineValue.Of(args, "--rounds", 31);
        var text = new StringBuilder().AppendLine(Machine.Describe()).AppendLine()
            .AppendLine("| network | format | as it is (ms) | folded (ms) | ratio | difference of logits |").AppendLine("|---|---|---:|---:|---:|---:|");
        foreach (var (name, make, shape) in _networks)
            foreach (var format in new[] { MemoryFormat.Contiguous, MemoryFormat.ChannelsLast }) text.AppendLine(Row(name, make, format, shape, rounds));
        Console.WriteLine(text);
        if (CommandLineValue.Of(args, "--save") is { } file) File.WriteAllText(file, text.ToString());
        return 0;
    }

    private static string Row(string name, Func<nn.Module<Tensor, Tensor>> make, MemoryFormat format, long[] shape, int rounds)
    {
        using var network = make();
        using (var images = rand(shape, device: CPU))
        using (no_grad())
        {
            // Running statistics of its own, so that folding changes the weights.
            network.train();
            network.call(images).Dispose();
        }
        network.eval();
        using var inOrder = format == MemoryFormat.ChannelsLast ? new ChannelsLastScope(network) : null;
        using var points = rand(shape, device: CPU);
        Action asItIs = () => Pass(network, points).Dispose(), whenFolded = () => Folded(network, points).Dispose();
        OverheadBenchmark.WarmUp(asItIs, whenFolded);
        var (first, second) = OverheadBenchmark.Compare(rounds, asItIs, whenFolded);
        using var logits = Pass(network, points);
        using var folded = Folded(network, points);
        var difference = ((folded - logits).abs().max() / logits.abs().max()).ToDouble();
        return string.Create(CultureInfo.InvariantCulture, $"| {name} | {format} | {first:F1} | {second:F1} | {second / first:F3} | {difference:G1} |");
    }

    private static Tensor Folded(nn.Module<Tensor, Tensor> network, Tensor points)
    {
        // As in an attack of ten steps, which folds once, folding counts little; here it is a part of every pass.
        using var scope = new FoldedScope(network);
        return Pass(network, points);
    }

    private static Tensor Pass(nn.Module<Tensor, Tensor> network, Tensor points)
    {
        using var scope = NewDisposeScope();
        var x = points.detach().requires_grad_();
        var logits = network.call(x);
        logits.sum().backward(inputs: [x]);
        return logits.detach().MoveToOuterDisposeScope();
    }
}
