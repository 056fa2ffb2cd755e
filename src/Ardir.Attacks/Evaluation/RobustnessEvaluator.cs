using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>Measures clean and robust accuracy on a data set, batch by batch.</summary>
public static class RobustnessEvaluator
{
    /// <summary>Runs the model on every image and the attack on those it gets right; every claimed result is judged by a fresh forward pass.</summary>
    /// <param name="model">Takes pixels in [0,1], [N,C,H,W], and returns logits. Runs in eval mode, which is undone afterwards.</param>
    /// <param name="data">The images, on the model's device.</param>
    /// <param name="attack">The attack; only clean accuracy is measured when null, and the robust accuracy equals it.</param>
    /// <param name="batchSize">Images per batch.</param>
    /// <param name="context">Seed, cancellation, logging and progress. Targets and sample indices are set here and must be null.</param>
    /// <param name="progress">Told the number of images done after every batch.</param>
    /// <returns>Per-image results.</returns>
    /// <exception cref="ArgumentException">Wrong batch size, or the context has targets or sample indices.</exception>
    /// <exception cref="InvalidOperationException">The model misbehaves.</exception>
    /// <exception cref="OperationCanceledException">The context's token was cancelled.</exception>
    public static RobustnessResult Evaluate(
        IModule model, ImageDataset data, IAttack? attack = null, int batchSize = 256, AttackContext? context = null, IProgress<int>? progress = null)
    {
        var result = Evaluate(model, data, device: null, attack, batchSize, context, progress);
        if (AccuracyGauge.IsWatched) Record(result, attack);
        return result;
    }

    /// <summary>As the public form, with the batches sent to a device if the data set is on another, and for callers who tell the meter what the accuracies are of.</summary>
    internal static RobustnessResult Evaluate(
        IModule model, ImageDataset data, Device? device, IAttack? attack, int batchSize, AttackContext? context, IProgress<int>? progress)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(data);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(batchSize);
        context ??= new AttackContext();
        if (context.Targets is not null || context.SampleIndices is not null)
            throw new ArgumentException("Targets and SampleIndices must be null: an evaluation is untargeted and numbers the samples itself.", nameof(context));

        using var activity = ArdirDiagnostics.Source.StartActivity("ardir.evaluate");
        try
        {
            var result = Run(model, data, device, attack, batchSize, context, progress);
            activity?.SetTag("ardir.samples", data.Count).SetTag("ardir.attack.name", attack?.Name ?? "none")
                .SetTag("ardir.accuracy.clean", result.CleanAccuracy).SetTag("ardir.accuracy.robust", result.RobustAccuracy);
            return result;
        }
        catch (Exception e) when (ArdirDiagnostics.Failed(activity, e))
        {
            throw;
        }
    }

    private static void Record(RobustnessResult result, IAttack? attack)
    {
        AccuracyGauge.Record("clean", result.CleanAccuracy);
        if (attack is not null) AccuracyGauge.Record("robust", result.RobustAccuracy);
    }

    private static RobustnessResult Run(IModule model, ImageDataset data, Device? device, IAttack? attack, int batchSize, AttackContext context, IProgress<int>? progress)
    {
        using var collections = new BlockingCollections();
        using var evaluation = new EvaluationModeScope(model);
        using var noGrad = no_grad();
        var correct = new List<bool>(data.Count);
        var robust = new List<bool>(data.Count);
        var dtype = (model as nn.Module)?.parameters().FirstOrDefault(parameter => parameter.is_floating_point())?.dtype ?? ScalarType.Float32;
        foreach (var batch in new ImageBatches(data, new ImageBatchOptions { BatchSize = batchSize, Shuffle = false, DType = dtype, Device = device }).Epoch(0))
        {
            using var scope = NewDisposeScope();
            context.CancellationToken.ThrowIfCancellationRequested();
            var (images, labels) = batch;
            // Once is enough to see whether it changes its input in place, which would weaken what is attacked below.
            var right = IsRight(model, images, labels, watched: correct.Count == 0);
            correct.AddRange(right);
            robust.AddRange(attack is null ? right : Resists(model, attack, images, labels, right, context, batch.Indices[0]));
            progress?.Report(correct.Count);
        }
        return new RobustnessResult { Correct = correct, Robust = robust };
    }

    private static bool[] Resists(IModule model, IAttack attack, Tensor images, Tensor labels, bool[] right, AttackContext context, long first)
    {
        long[] rows = [.. right.Select((ok, i) => (ok, i)).Where(entry => entry.ok).Select(entry => (long)entry.i)];
        var result = new bool[right.Length];
        if (rows.Length == 0) return result;
        var at = tensor(rows, device: images.device);
        var (x, y) = (images.index_select(0, at), labels.index_select(0, at));
        var adversarial = attack.Perturb(model, x, y, context with { SampleIndices = [.. rows.Select(row => first + row)] });
        using var inside = attack.Threat.Contains(x, adversarial);
        if (!HostRead.Bool(inside.all()))
            throw new InvalidOperationException($"{attack.Name} returned images outside {attack.Threat}, which would count as successes. The attack is at fault: project its result with Threat.Project.");
        var still = IsRight(model, adversarial, y);
        for (var i = 0; i < rows.Length; i++) result[rows[i]] = still[i];
        return result;
    }

    private static bool[] IsRight(IModule model, Tensor images, Tensor labels, bool watched = false)
    {
        var logits = watched ? InputWatch.Watched(images, () => ModelOracle.Call(model, images)) : ModelOracle.Call(model, images);
        LogitsGuard.Check(logits, images, classes: 0);
        TensorGuard.LabelRange(labels, logits.shape[1], "data.Labels");
        if (HostRead.Bool(logits.isnan().any())) throw new InvalidOperationException("The model returned NaN logits.");
        return HostRead.Array<bool>(Predictions.Of(logits) == labels);
    }
}
