using System.Runtime.ExceptionServices;
using System.Text;
using Ardir.Core;
using Microsoft.Extensions.Logging.Abstractions;

namespace Ardir.Distillation;

/// <summary>The processes that work on one run: which part is whose, and decisions that all of them must make alike. With a single rank
/// nothing is exchanged and nothing is read. Every rank must make the same calls in the same order.</summary>
internal sealed class Ranks(ICollective collective)
{
    public ICollective Collective => collective;

    public bool AreSeveral => collective.Size > 1;

    /// <summary>Whether this is the rank that writes files, logs and reports progress.</summary>
    public bool IsFirst => collective.Rank == 0;

    public int Rank => collective.Rank;

    public int Size => collective.Size;

    /// <summary>The options that a rank works with: only the first one logs and has a folder.</summary>
    public static TrainerOptions OptionsOf(TrainerOptions options) => options.Collective.Rank == 0
        ? options
        : options with { Logger = NullLogger.Instance, CheckpointDirectory = null };

    /// <summary>This rank's images of a batch: consecutive ones, as many as the others have, or one less. None where there are fewer images
    /// than ranks.</summary>
    public Range Own(int count) => Cut(count, collective.Rank, collective.Size);

    /// <summary>This rank's images of a batch in the parts of gradient accumulation, as many at every rank that has images.</summary>
    public IEnumerable<Range> Parts(int count, int steps)
    {
        // First into parts, as a single process does, so that batch norm sees the same images together.
        var parts = Math.Max(1, Math.Min(steps, count / collective.Size));
        for (var i = 0; i < parts; i++)
        {
            var (from, length) = Cut(count, i, parts).GetOffsetAndLength(count);
            var (start, own) = Own(length).GetOffsetAndLength(length);
            if (own > 0) yield return (from + start)..(from + start + own);
        }
    }

    /// <summary>Whether something is so at any rank.</summary>
    public bool Any(bool here)
    {
        if (!AreSeveral) return here;
        using var flag = tensor([here ? 1L : 0L], device: CPU);
        collective.AllReduce(flag, Reduction.Max);
        return HostRead.Int64(flag) != 0;
    }

    /// <summary>What the first rank says.</summary>
    public bool FirstSays(bool here) => Any(here && IsFirst);

    /// <summary>Ends the run at every rank when it was cancelled at any.</summary>
    /// <exception cref="OperationCanceledException">It was.</exception>
    public void ThrowIfCancelled(CancellationToken cancellation)
    {
        if (Any(cancellation.IsCancellationRequested)) throw Cancelled(cancellation);
    }

    /// <summary>What a rank throws when one of them was cancelled.</summary>
    public static OperationCanceledException Cancelled(CancellationToken cancellation) => cancellation.IsCancellationRequested
        ? new OperationCanceledException(cancellation)
        : new OperationCanceledException("The run was cancelled at another rank.");

    /// <summary>Does something at the first rank, for which the others wait. When it fails there, it fails at all.</summary>
    public void AtFirst(Action action)
    {
        if (!AreSeveral)
        {
            action();
            return;
        }
        Exception? failure = null;
        try
        {
            if (IsFirst) action();
        }
        catch (Exception e)
        {
            failure = e;
        }
        var told = Gather(failure is null ? "" : $"{failure.GetType().Name}: {failure.Message}")[0];
        if (failure is not null) ExceptionDispatchInfo.Throw(failure);
        if (told.Length > 0) throw new InvalidOperationException($"Rank 0 failed, and the run with it. {told}");
    }

    /// <summary>A text of each rank, in their order.</summary>
    public string[] Gather(string text) =>
        [.. CollectiveBytes.AllGather(collective, Encoding.UTF8.GetBytes(text)).Select(bytes => Encoding.UTF8.GetString(bytes!))];

    private static Range Cut(int count, int part, int parts) =>
        (int)(part * (long)count / parts)..(int)((part + 1) * (long)count / parts);
}
