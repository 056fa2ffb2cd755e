using System.Runtime.ExceptionServices;

namespace Ardir.Attacks;

/// <summary>Runs the parts of a batch on threads of their own, each of which libtorch helps with its share of the cores.</summary>
internal static class ShardThreads
{
    /// <summary>Returns when all parts are done.</summary>
    /// <param name="shards">How many threads, at most as many as samples.</param>
    /// <param name="samples">How many samples the batch has.</param>
    /// <param name="work">Given a part of them; runs in a dispose scope of its own and with the caller's gradient mode.</param>
    /// <param name="failed">Called when a part fails, before the others are waited for.</param>
    /// <exception cref="Exception">That of the part that failed first.</exception>
    public static void Run(int shards, long samples, Action<(long From, long Count)> work, Action? failed = null)
    {
        var (threads, gradients) = (get_num_threads(), is_grad_enabled());
        ExceptionDispatchInfo? failure = null;
        void Work(int shard)
        {
            try
            {
                // The number belongs to the thread.
                set_num_threads(Math.Max(1, threads / shards));
                using var scope = NewDisposeScope();
                using var grad = enable_grad(gradients);
                var from = samples * shard / shards;
                work((from, samples * (shard + 1) / shards - from));
            }
            catch (Exception e)
            {
                if (Interlocked.CompareExchange(ref failure, ExceptionDispatchInfo.Capture(e), null) is null) failed?.Invoke();
            }
        }
        // Not those of .NET's pool, which would keep their number of threads.
        List<ShardWorker> workers = [.. Enumerable.Range(0, shards).Select(_ => ShardWorker.Rent())];
        for (var i = 0; i < shards; i++)
        {
            var shard = i;
            workers[i].Start(() => Work(shard));
        }
        workers.ForEach(worker => worker.Return());
        // The threads that start later begin with the number that was set last, anywhere in the process.
        set_num_threads(threads);
        failure?.Throw();
    }
}
