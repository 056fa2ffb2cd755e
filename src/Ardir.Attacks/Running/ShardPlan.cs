using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>Into how many shards a run is split.</summary>
internal static class ShardPlan
{
    // The fastest of a few, because whatever else the machine does can only make a pass longer.
    private const int Rounds = 3;

    // Does not keep the models alive.
    private static readonly ConditionalWeakTable<nn.Module, ConcurrentDictionary<string, bool>> _known = [];

    /// <summary>How many shards a run has; 1 where the model is not known to be in eval mode, because modes, batch statistics and random
    /// numbers of a model in train mode belong to all threads.</summary>
    public static int Count(AttackContext context, IModule model, Tensor images)
    {
        if (context.Shards == 1 || images.device_type != DeviceType.CPU) return 1;
        if (IModelWrapper.Unwrap(model) is not nn.Module root || root.modules().Prepend(root).Any(module => module.training)) return 1;
        var samples = (int)images.shape[0];
        if (context.Shards != AttackShards.Automatic) return Math.Min(context.Shards, samples);
        var threads = Math.Min(get_num_threads(), samples);
        return threads > 1 && AreFaster(threads, root, IModelWrapper.Unwrap(model), images) ? threads : 1;
    }

    private static bool AreFaster(int shards, nn.Module root, IModule model, Tensor images)
    {
        var known = _known.GetOrCreateValue(root);
        // The last batch of an evaluation is smaller, and costs no measurement of its own.
        var key = $"{string.Join(',', images.shape[1..])} {images.dtype} {shards}";
        if (!known.TryGetValue(key, out var faster)) known[key] = faster = Measure(shards, model, images);
        return faster;
    }

    private static bool Measure(int shards, IModule model, Tensor images)
    {
        var (whole, split) = (double.MaxValue, double.MaxValue);
        using var random = new GlobalRandomScope();
        try
        {
            for (var round = 0; round <= Rounds; round++)
            {
                var here = Time(() => Pass(model, images));
                var there = Time(() => ShardThreads.Run(shards, images.shape[0], part =>
                {
                    using var rows = images.narrow(0, part.From, part.Count);
                    Pass(model, rows);
                }));
                // The first round makes memory and plans of kernels.
                if (round > 0) (whole, split) = (Math.Min(whole, here), Math.Min(split, there));
            }
        }
#pragma warning disable CA1031 // a model of the user's may throw anything
        catch (Exception e) when (e is not OperationCanceledException)
#pragma warning restore CA1031
        {
            // Whatever is wrong with the model is explained by the attack.
            return false;
        }
        return split < whole;
    }

    private static double Time(Action action)
    {
        var clock = Stopwatch.StartNew();
        action();
        return clock.Elapsed.TotalSeconds;
    }

    private static void Pass(IModule model, Tensor images)
    {
        using var scope = NewDisposeScope();
        using var grad = enable_grad();
        // A copy, because the model may write into what it is given.
        var leaf = images.detach().clone().requires_grad_();
        var total = model.call(leaf).sum();
        if (total.requires_grad) total.backward(inputs: [leaf]);
    }
}
