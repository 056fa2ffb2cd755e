using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>
/// One run of an attack whose batch is split: every shard is a run of its own, with a guard and a context of its own, on its own thread.
/// What the shards notice and count comes together in the guard and the context of the whole run.
/// </summary>
/// <param name="whole">The guard of the whole run.</param>
/// <param name="images">[N,...].</param>
/// <param name="labels">int64 [N].</param>
internal sealed class ShardedRun(GuardedModel whole, Tensor images, Tensor labels)
{
    private readonly Lock _lock = new();

    private AttackContext Context => whole.Context;

    /// <summary>Runs all shards.</summary>
    /// <param name="shards">How many.</param>
    /// <param name="search">Attacks the images of one shard. What it creates is disposed; its result goes into rows of a tensor that
    /// exists (<see cref="Shard.Rows"/>).</param>
    /// <exception cref="Exception">That of the shard that failed first, which ends the others.</exception>
    public void Run(int shards, Action<Shard> search)
    {
        using var gate = new ShardGate();
        using var end = CancellationTokenSource.CreateLinkedTokenSource(Context.CancellationToken);
        var progress = Context.Progress is { } outer ? new ShardProgress(outer, whole, shards) : null;
        try
        {
            ShardThreads.Run(shards, images.shape[0], part => Search(part, search, gate, progress, end.Token), end.Cancel);
        }
        catch (OperationCanceledException) when (Context.CancellationToken.IsCancellationRequested)
        {
            // Names the caller's token and not the one that connects the shards.
            Context.CancellationToken.ThrowIfCancellationRequested();
            throw;
        }
    }

    private void Search(
        (long From, long Count) part, Action<Shard> search, ShardGate gate, ShardProgress? progress, CancellationToken cancellation)
    {
        var shard = new Shard(part.From, part.Count);
        var (itsImages, itsLabels) = (shard.Rows(images), shard.Rows(labels));
        var check = Context.Checked;
        if (check is not null && ReferenceEquals(check.Images, images) && ReferenceEquals(check.Labels, labels))
        {
            check = check.Narrow(part.From, part.Count);
            (itsImages, itsLabels) = (check.Images, check.Labels);
        }
        var notes = Context.Notes is { } all ? new AttackNotes { CountsNan = all.CountsNan } : null;
        var context = Context with
        {
            Shards = 1,
            MemoryFormat = MemoryFormat.Contiguous,
            // The scopes below are for all attacks of the shard, which has one thread.
            Convolutions = ConvolutionAlgorithm.Direct,
            FoldBatchNorm = false,
            Checked = check,
            Notes = notes,
            CancellationToken = cancellation,
            Progress = progress?.Of(part),
            SampleIndices = [.. Numbers(part)],
            Targets = Context.Targets is { } targets ? shard.Rows(targets) : null,
            Known = [.. Known().Select(known => new KnownOutput(known.Model, itsImages, shard.Rows(known.Logits)))],
        };
        using var guard = new GuardedModel(whole.AsModule, context) { Classes = whole.Classes, Gate = gate };
        using var cheaper = PassScopes.Enter(Context, whole.Model);
        search(shard with { Guard = guard, Images = itsImages, Labels = itsLabels });
        progress?.End(part);
        if (notes is null) return;
        lock (_lock) Context.Notes!.Add(notes, numbers: null);
    }

    private IEnumerable<KnownOutput> Known() => Context.Known.Where(known => ReferenceEquals(known.Images, images));

    private IEnumerable<long> Numbers((long From, long Count) part)
    {
        for (var i = part.From; i < part.From + part.Count; i++) yield return Context.SampleIndices?[(int)i] ?? i;
    }
}
