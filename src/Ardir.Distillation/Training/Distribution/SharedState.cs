using TorchSharp.Modules;

namespace Ardir.Distillation;

/// <summary>Makes tensors equal at all ranks.</summary>
internal static class SharedState
{
    /// <summary>Gives every rank the values of the first one.</summary>
    public static void Broadcast(Ranks ranks, IEnumerable<Tensor> tensors) =>
        TensorBuckets.Exchange(tensors, values => ranks.Collective.Broadcast(values));

    /// <summary>Makes the buffers of student and loss equal: running statistics that each rank measured on its own part become their mean,
    /// everything else is that of the first rank. Nothing changes for a single rank.</summary>
    public static void Buffers(TrainingRun run)
    {
        if (!run.Ranks.AreSeveral) return;
        var (student, loss) = (run.Setup.Student, run.Setup.Loss.Trainable);
        var modules = student.modules().Prepend(student).Concat(loss is null ? [] : loss.modules().Prepend(loss));
        var own = run.Options.BatchNorm == DistributedBatchNorm.Local ? modules.OfType<BatchNorm>().Where(Measures) : [];
        var measured = own.SelectMany(layer => new[] { layer.running_mean!, layer.running_var! })
            .DistinctBy(buffer => buffer.Handle).ToDictionary(buffer => buffer.Handle);
        var others = student.buffers().Concat(loss?.buffers() ?? []).Where(buffer => !measured.ContainsKey(buffer.Handle));
        Broadcast(run.Ranks, others);
        TensorBuckets.Exchange(measured.Values, values =>
        {
            run.Ranks.Collective.AllReduce(values);
            values.div_(run.Ranks.Size);
        });
        run.Average?.FollowBuffers(student);
    }

    // The statistics of a layer that its owner froze must not change, not even by rounding.
    private static bool Measures(BatchNorm layer) => layer.training && layer.track_running_stats;
}
