using System.Text.Json;
using Ardir.Attacks;
using Ardir.Core;
using TorchSharp.Modules;

namespace Ardir.Distillation;

/// <summary>Brings all ranks of a run to one beginning: the same run, the same weights, the same checkpoint.</summary>
internal sealed class RunAgreement(TrainingRun run, RunStore store)
{
    private readonly Ranks _ranks = run.Ranks;

    /// <summary>Refuses ranks that were given different runs, before any work.</summary>
    /// <exception cref="InvalidOperationException">Data, networks or options differ, or a batch has too few images for the
    /// ranks.</exception>
    public void Check()
    {
        if (!_ranks.AreSeveral) return;
        var facts = new Dictionary<string, string>(run.Identity, StringComparer.Ordinal)
        {
            [nameof(TrainerOptions.Epochs)] = $"{run.Options.Epochs}",
            [nameof(TrainerOptions.EvaluationBatchSize)] = $"{run.Options.EvaluationBatchSize}",
            [nameof(TrainerOptions.MemoryFormat)] = $"{run.Options.MemoryFormat}",
            [nameof(TrainerOptions.CheckpointInterval)] = $"{run.Options.CheckpointInterval?.ToString() ?? "none"}",
        };
        var all = _ranks.Gather(JsonSerializer.Serialize(facts, RankJson.Default.Texts))
            .Select(text => JsonSerializer.Deserialize(text, RankJson.Default.Texts)!).ToList();
        for (var rank = 1; rank < all.Count; rank++)
        {
            var differences = ResumeGuard.Differences(all[rank], all[0])
                .Select(one => $"\n  {one.Name}: '{one.Current}' and '{one.Saved}'").ToList();
            if (differences.Count > 0)
                throw new InvalidOperationException(
                    $"Rank 0 and rank {rank} were given different runs. Give every rank the same networks, data and options; only " +
                    $"Device, Logger and the folder may differ.{string.Concat(differences)}");
        }
        if (run.Options.BatchNorm != DistributedBatchNorm.Synchronized || !TrainsBatchNorm()) return;
        CheckSmallestBatch();
        CheckCrafting();
    }

    /// <summary>Goes to where the run is: to its last checkpoint, or to the beginning with the weights of the first rank.</summary>
    public void Resume()
    {
        if (!_ranks.AreSeveral)
        {
            store.Resume(run);
            return;
        }
        ShareWeights();
        var hasRun = _ranks.FirstSays(store.HasRun);
        _ranks.AtFirst(() => store.Resume(run));
        // The first rank has read the file; the others may see another disk.
        if (hasRun) CheckpointTransfer.Share(_ranks, store.LastPath, path => RunStore.Load(run, path));
        CheckWeights();
    }

    // A student in eval mode as a whole is put into train mode when the run begins; single layers that its owner froze stay frozen.
    private bool TrainsBatchNorm()
    {
        var student = run.Setup.Student;
        return student.modules().Prepend(student).Concat(run.Setup.Loss.Trainable?.modules() ?? []).OfType<BatchNorm>()
            .Any(layer => layer.training || !student.training);
    }

    // Every pass in train mode is an exchange, and ranks that make another number of them would wait for each other forever.
    private void CheckCrafting()
    {
        var crafted = run.Setup.Crafting.Images
            .FirstOrDefault(images => images is { TrainMode: true, Attack: not Attack { HasFixedPasses: true } });
        if (crafted is null) return;
        throw new InvalidOperationException(
            $"{crafted.Attack.Name} crafts in train mode, and the number of its passes may depend on the images (Attack.HasFixedPasses), " +
            "but with synchronised batch norm all ranks must make the same passes. Choose an attack with a fixed number of passes, such " +
            "as PGD without restarts, craft in eval mode, or set BatchNorm to DistributedBatchNorm.Local.");
    }

    private void CheckSmallestBatch()
    {
        var rest = run.Train.Count % run.Options.BatchSize;
        var smallest = rest == 0 ? run.Options.BatchSize : rest;
        if (smallest >= _ranks.Size) return;
        throw new InvalidOperationException(
            $"A batch of each epoch has {smallest} images for {_ranks.Size} ranks ({run.Train.Count} images, BatchSize = " +
            $"{run.Options.BatchSize}), but synchronised batch norm needs an image at every rank. Choose another BatchSize or number of " +
            "ranks, leave some images out of the data set, or set BatchNorm to DistributedBatchNorm.Local.");
    }

    // Copies, because a student in bfloat16 computes with rounded weights.
    private void ShareWeights()
    {
        var state = StudentState.Copies(run.Weights.State());
        try
        {
            SharedState.Broadcast(_ranks, state.Values);
            run.Weights.Load(state, "rank 0");
        }
        finally
        {
            foreach (var value in state.Values) value.Dispose();
        }
        if (run.Setup.Loss.Trainable is { } loss) SharedState.Broadcast(_ranks, loss.state_dict().Values);
    }

    private void CheckWeights()
    {
        using var scope = NewDisposeScope();
        var loss = run.Setup.Loss.Trainable?.state_dict() ?? [];
        var hash = Fingerprint.Of([.. run.Weights.State().Concat(loss).Select(pair => (pair.Key, pair.Value))]);
        var all = _ranks.Gather(hash);
        if (all.Distinct(StringComparer.Ordinal).Skip(1).Any())
            throw new InvalidOperationException(
                $"The ranks have different weights after rank 0 sent them its own ({string.Join(", ", all)}). The collective does not do " +
                "what ICollective asks for, or a device rounds values that it copies.");
    }
}
