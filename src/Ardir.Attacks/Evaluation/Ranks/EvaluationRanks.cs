using Ardir.Core;
using Microsoft.Extensions.Logging.Abstractions;

namespace Ardir.Attacks;

/// <summary>
/// The processes that share one evaluation. Its batches are dealt out in rounds of one batch for each rank. After a round every rank has
/// the results of all and takes them over in the order in which a single process would have found them. So all ranks know the same at
/// every moment, come to the same decisions and therefore make the same collective calls.
/// </summary>
/// <remarks>Batches are dealt out, not images, because libtorch's kernels round differently for another batch size: with the very same
/// batches the results are those of a single process, bit for bit.</remarks>
/// <param name="collective">How the ranks reach each other.</param>
/// <param name="cancellation">Of this rank; a cancelled rank ends all of them after the same batch.</param>
internal sealed class EvaluationRanks(ICollective collective, CancellationToken cancellation)
{
    /// <summary>A single process, which exchanges nothing.</summary>
    public static EvaluationRanks Alone { get; } = new(SoloCollective.Instance, CancellationToken.None);

    public bool AreAlone => collective.Size == 1;

    /// <summary>Whether this rank writes files, logs and reports progress.</summary>
    public bool IsFirst => collective.Rank == 0;

    public int Rank => collective.Rank;

    public int Size => collective.Size;

    /// <summary>The settings of this rank: only the first one logs and reports.</summary>
    public AttackContext Quiet(AttackContext context) =>
        IsFirst ? context : context with { Logger = NullLogger.Instance, Progress = null };

    /// <summary>Lets a model compute in a memory format until the result is disposed; the same at every rank, because the last digits of
    /// its answers depend on it.</summary>
    /// <param name="format">As the caller wants it; the first rank measures for all.</param>
    /// <param name="model">The model of this rank.</param>
    /// <param name="images">Gives the first batch to measure with.</param>
    public ChannelsLastScope? Enter(MemoryFormat format, IModule model, Func<Tensor> images)
    {
        if (format == MemoryFormat.Measured)
            format = (MemoryFormat)FromFirst(() => Fastest(model, images), RankCodec.Int64);
        return format == MemoryFormat.ChannelsLast ? new ChannelsLastScope(model) : null;
    }

    /// <summary>Works on one piece for each rank.</summary>
    /// <typeparam name="T">The type of a result.</typeparam>
    /// <param name="pieces">How many there are, at least 1 and at most one for each rank; the same at every rank.</param>
    /// <param name="work">The result for a piece; called with the number of this rank if it has a piece.</param>
    /// <param name="codec">How a result travels.</param>
    /// <param name="use">Receives the results of all pieces in their order; those before the first cancelled one if there is
    /// one.</param>
    /// <exception cref="OperationCanceledException">This rank or another one was cancelled.</exception>
    public void Round<T>(int pieces, Func<int, T> work, RankCodec<T> codec, Action<T> use)
    {
        if (AreAlone)
        {
            use(work(0));
            return;
        }
        var (mine, has, isCancelled) = (default(T), Rank < pieces, false);
        try
        {
            cancellation.ThrowIfCancellationRequested();
            if (has) mine = work(Rank);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // The others must hear of it, because they wait for this rank.
            isCancelled = true;
        }
        // Null says that this rank was cancelled.
        var all = CollectiveBytes.AllGather(collective, isCancelled ? null : has ? codec.Write(mine!) : []);
        for (var piece = 0; piece < pieces && all[piece] is { } bytes; piece++) use(piece == Rank ? mine! : codec.Read(bytes));
        if (!all.Contains(null)) return;
        cancellation.ThrowIfCancellationRequested();
        throw new OperationCanceledException("Another rank was cancelled, so the evaluation ended at all of them after the same batch.");
    }

    /// <summary>What only the first rank finds out, at every rank.</summary>
    /// <typeparam name="T">The type of the result.</typeparam>
    /// <param name="work">Called at the first rank.</param>
    /// <param name="codec">How the result travels.</param>
    /// <exception cref="OperationCanceledException">This rank or another one was cancelled.</exception>
    public T FromFirst<T>(Func<T> work, RankCodec<T> codec)
    {
        T? result = default;
        Round(1, _ => work(), codec, found => result = found);
        return result!;
    }

    /// <summary>One result of every rank, in their order, at every rank.</summary>
    /// <typeparam name="T">The type of a result.</typeparam>
    /// <param name="work">Called at every rank.</param>
    /// <param name="codec">How the result travels.</param>
    /// <exception cref="OperationCanceledException">This rank or another one was cancelled.</exception>
    public List<T> FromAll<T>(Func<T> work, RankCodec<T> codec)
    {
        var results = new List<T>();
        Round(Size, _ => work(), codec, results.Add);
        return results;
    }

    private static long Fastest(IModule model, Func<Tensor> images)
    {
        using var scope = NewDisposeScope();
        return (long)PassFormat.Fastest(model, images());
    }
}
