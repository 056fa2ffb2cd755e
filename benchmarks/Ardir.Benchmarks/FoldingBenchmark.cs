using System.Globalization;
using System.Text;
using Ardir.Core;

namespace Ardir.Benchmarks;

/// <summary>What an attack in eval mode would gain if each batch norm that directly follows a convolution were a part of it: forward and input gradient of the raw
/// networks as they are and folded, in turns.</summary>
internal static class FoldingBenchmark
{
    public static int Run(string[] args)
    {
        FreedMemory.Keep();
        set_num_threads(CommandLineValue.Of(args, "--threads", 2));
        var rounds = CommandLineValue.Of(args, "--rounds", 31);
        var text = new StringBuilder().AppendLine(Machine.Describe()).AppendLine()
            .AppendLine("| network | format | as it is (ms) | folded (ms) | ratio | difference of logits |").AppendLine("|---|---|---:|---:|---:|---:|");
        foreach (var (name, options, batch, size) in new[] { Workload.LargeTask, Workload.QuickstartTask })
            foreach (var format in new[] { MemoryFormat.Contiguous, MemoryFormat.ChannelsLast }) text.AppendLine(Row(name, options with { Seed = 1 }, format, [batch, options.InputChannels, size, size], rounds));
        Console.WriteLine(text);
        if (CommandLineValue.Of(args, "--save") is { } file) File.WriteAllText(file, text.ToString());
        return 0;
    }

    private static string Row(string name, PreActResNetOptions options, MemoryFormat format, long[] shape, int rounds)
    {
        using var network = PreActResNet.Create(options);
        using (var images = rand(shape, device: CPU))
        using (no_grad())
        {
            // Running statistics of its own, so that folding changes the weights.
            network.train();
            network.call(images).Dispose();
        }
        using RawPreActResNet plain = new(network), folded = new(network);
        plain.eval();
        folded.eval();
        folded.Fold();
        using var inOrder = format == MemoryFormat.ChannelsLast ? new ChannelsLastScope(plain) : null;
        using var foldedInOrder = format == MemoryFormat.ChannelsLast ? new ChannelsLastScope(folded) : null;
        using var points = rand(shape, device: CPU);
        Action asItIs = () => Pass(plain, points), whenFolded = () => Pass(folded, points);
        OverheadBenchmark.WarmUp(asItIs, whenFolded);
        var (first, second) = OverheadBenchmark.Compare(rounds, asItIs, whenFolded);
        return string.Create(CultureInfo.InvariantCulture, $"| {name} | {format} | {first:F1} | {second:F1} | {second / first:F3} | {Difference(plain, folded, points):G1} |");
    }

    private static void Pass(RawPreActResNet network, Tensor points)
    {
        using var scope = NewDisposeScope();
        var x = points.detach().requires_grad_();
        network.call(x).sum().backward(inputs: [x]);
    }

    private static double Difference(RawPreActResNet plain, RawPreActResNet folded, Tensor points)
    {
        using var scope = NewDisposeScope();
        using var grad = no_grad();
        var logits = plain.call(points);
        return ((folded.call(points) - logits).abs().max() / logits.abs().max()).ToDouble();
    }
}
