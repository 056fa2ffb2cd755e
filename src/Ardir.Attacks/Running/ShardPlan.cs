using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>Into how many shards a run is split.</summary>
internal static class ShardPlan
{
    // Does not keep the models alive.
    private static readonly ConditionalWeakTable<nn.Module, ConcurrentDictionary<string, bool>> _known = [];

    /// <summary>How many shards a run has; 1 where the model is not known to be in eval mode, because modes, batch statistics and random
    /// numbers of a model in train mode belong to all threads.</summary>
    public static int Count(AttackContext context, IModule model, Tensor images)
    {
        if (context.Shards == 1 || context.SearchPrecision != SearchPrecision.Full || images.device_type != DeviceType.CPU) return 1;
        if (IModelWrapper.Unwrap(model) is not nn.Module root || root.modules().Prepend(root).Any(module => module.training)) return 1;
        var samples = (int)images.shape[0];
        if (context.Shards != AttackShards.Automatic) return Math.Min(context.Shards, samples);
        var threads = Math.Min(get_num_threads(), samples);
        return threads > 1 && AreFaster(threads, root, context, images) ? threads : 1;
    }

    private static bool AreFaster(int shards, nn.Module root, AttackContext context, Tensor images)
    {
        var known = _known.GetOrCreateValue(root);
        // The last batch of an evaluation is smaller, and costs no measurement of its own.
        var key = $"{string.Join(',', images.shape[1..])} {images.dtype} {shards} {context.UsesWinograd} {context.FoldBatchNorm}";
        if (!known.TryGetValue(key, out var faster)) known[key] = faster = Measure(shards, (IModule)root, context, images);
        return faster;
    }

    private static bool Measure(int shards, IModule model, AttackContext context, Tensor images)
    {
        return PassTimer.IsFaster(Split, than: () => PassTimer.Seconds(model, images));

        double Split()
        {
            var clock = Stopwatch.StartNew();
            ShardThreads.Run(shards, images.shape[0], part =>
            {
                using var cheaper = PassScopes.Enter(context, model);
                using var rows = images.narrow(0, part.From, part.Count);
                PassTimer.Seconds(model, rows);
            });
            return clock.Elapsed.TotalSeconds;
        }
    }
}
