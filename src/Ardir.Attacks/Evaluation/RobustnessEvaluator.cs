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
        if (ArdirDiagnostics.IsAccuracyWatched) Record(result, attack);
        return result;
    }

    /// <summary>As the other overloads, on tensors of any shape: tables, sequences, video, or images with other values than
    /// bytes.</summary>
    /// <param name="model">Takes inputs like these and returns logits [N,K]. Runs in eval mode; its mode is restored afterwards.</param>
    /// <param name="inputs">Floating point [N,...] within the bounds of the attack's threat model, on the model's device and in its
    /// dtype. Not changed.</param>
    /// <param name="labels">True classes, int64 [N].</param>
    /// <param name="attack">The attack; only clean accuracy is measured when null, and the robust accuracy equals it.</param>
    /// <param name="options">Batch size, context, progress and how much is checked; all defaults when null.</param>
    /// <returns>Results for each sample and findings.</returns>
    /// <exception cref="ArgumentException">Inputs or labels are not as described, the batch size is wrong, or the context has targets or
    /// sample indices; checked before any work.</exception>
    /// <exception cref="InvalidOperationException">The model misbehaves: a wrong shape, or no gradient for an attack that needs
    /// one.</exception>
    /// <exception cref="NativeArgumentFreedException">The garbage collector freed a tensor that a native call was using.</exception>
    /// <exception cref="OperationCanceledException">The context's token was cancelled.</exception>
    public static RobustnessResult Evaluate(
        IModule model, Tensor inputs, Tensor labels, IAttack? attack, EvaluationOptions? options = null)
    {
        if (attack is null) TensorGuard.Inputs(inputs);
        else attack.Threat.CheckInputs(inputs);
        TensorGuard.Labels(labels, inputs);
        TensorGuard.LabelRange(labels);
        if (attack is not null) EnsembleThreat.CheckShape([attack], inputs);
        options ??= new EvaluationOptions();
        var depth = options.Diagnose ? ProbeDepth.All : ProbeDepth.Free;
        var result = Evaluate(model, EvaluationInputs.Of(inputs, labels, attack?.Threat), attack, options, depth);
        if (ArdirDiagnostics.IsAccuracyWatched) Record(result, attack);
        return result;
    }

    /// <summary>As the public overloads, but moves the batches to a device if the data set is on another, and leaves recording the
    /// accuracies as metrics to the caller.</summary>
    internal static RobustnessResult Evaluate(
        IModule model, ImageDataset data, Device? device, IAttack? attack, EvaluationOptions options, ProbeDepth depth)
    {
        ArgumentNullException.ThrowIfNull(data);
        return Evaluate(model, EvaluationInputs.Of(data, device), attack, options, depth);
    }

    private static RobustnessResult Evaluate(
        IModule model, EvaluationInputs data, IAttack? attack, EvaluationOptions options, ProbeDepth depth)
    {
        ArgumentNullException.ThrowIfNull(model);
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
            var result = TorchSharpRuntime.Run(context.Logger, () => run.Run(options));
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
        ArdirDiagnostics.RecordAccuracy("clean", result.CleanAccuracy);
        if (attack is not null) ArdirDiagnostics.RecordAccuracy("robust", result.RobustAccuracy);
    }
}
