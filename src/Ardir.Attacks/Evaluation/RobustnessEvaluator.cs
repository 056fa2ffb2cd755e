using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>Measures clean and robust accuracy on a data set, batch by batch.</summary>
public static class RobustnessEvaluator
{
    /// <summary>Runs the model on every image and the attack on those it gets right; a fresh forward pass checks every result of the
    /// attack. Reasons to doubt the result are in <see cref="RobustnessResult.Findings"/> and are logged as warnings.</summary>
    /// <param name="model">Takes pixels in [0,1], [N,C,H,W], and returns logits [N,K]. Runs in eval mode; its mode is restored
    /// afterwards. An image whose logits are NaN counts as misclassified, one for which the attack finds a point with NaN logits as
    /// broken.</param>
    /// <param name="data">The images, on the model's device.</param>
    /// <param name="attack">The attack; only clean accuracy is measured when null, and the robust accuracy equals it.</param>
    /// <param name="batchSize">Images per batch.</param>
    /// <param name="context">Seed, cancellation, logging and progress. Targets and sample indices are set here and must be
    /// null.</param>
    /// <param name="progress">Receives the number of images done after every batch.</param>
    /// <returns>Per-image results and findings.</returns>
    /// <exception cref="ArgumentException">Wrong batch size, or the context has targets or sample indices.</exception>
    /// <exception cref="InvalidOperationException">The model misbehaves: a wrong shape, or no gradient for an attack that needs
    /// one.</exception>
    /// <exception cref="NativeArgumentFreedException">The garbage collector freed a tensor that a native call was using.</exception>
    /// <exception cref="OperationCanceledException">The context's token was cancelled.</exception>
    public static RobustnessResult Evaluate(
        IModule model, ImageDataset data, IAttack? attack = null, int batchSize = 256, AttackContext? context = null,
        IProgress<int>? progress = null) =>
        Evaluate(model, data, attack, new EvaluationOptions { BatchSize = batchSize, Context = context, Progress = progress });

    /// <summary>As the other overload, with options.</summary>
    /// <param name="model">Takes pixels in [0,1], [N,C,H,W], and returns logits [N,K]. Runs in eval mode; its mode is restored
    /// afterwards.</param>
    /// <param name="data">The images, on the model's device.</param>
    /// <param name="attack">The attack; only clean accuracy is measured when null, and the robust accuracy equals it.</param>
    /// <param name="options">Batch size, context, progress and how much is checked.</param>
    /// <returns>Per-image results and findings.</returns>
    /// <exception cref="ArgumentException">Wrong batch size, or the context has targets or sample indices.</exception>
    /// <exception cref="InvalidOperationException">The model misbehaves: a wrong shape, or no gradient for an attack that needs
    /// one.</exception>
    /// <exception cref="NativeArgumentFreedException">The garbage collector freed a tensor that a native call was using.</exception>
    /// <exception cref="OperationCanceledException">The context's token was cancelled.</exception>
    public static RobustnessResult Evaluate(IModule model, ImageDataset data, IAttack? attack, EvaluationOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var result = Evaluate(model, data, device: null, attack, options, options.Diagnose ? ProbeDepth.All : ProbeDepth.Free);
        if (AccuracyGauge.IsWatched) Record(result, attack);
        return result;
    }

    /// <summary>As the public overloads, but moves the batches to a device if the data set is on another, and leaves recording the
    /// accuracies as metrics to the caller.</summary>
    internal static RobustnessResult Evaluate(
        IModule model, ImageDataset data, Device? device, IAttack? attack, EvaluationOptions options, ProbeDepth depth)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(data);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.BatchSize, "batchSize");
        var context = options.Context ?? new AttackContext();
        if (context.Targets is not null || context.SampleIndices is not null)
            throw new ArgumentException(
                "Targets and SampleIndices must be null: an evaluation is untargeted and numbers the samples itself.", nameof(options));

        using var activity = ArdirDiagnostics.Source.StartActivity("ardir.evaluate");
        try
        {
            using var guarded = new GuardedModel(model, context);
            using var run = new EvaluatorRun(guarded, data, attack, depth);
            var result = NativeCallGuard.OfProcess.Run(context.Logger, () => run.Run(device, options));
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
}
