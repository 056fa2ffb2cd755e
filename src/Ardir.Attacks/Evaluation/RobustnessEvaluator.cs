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
    /// <param name="data">The images, on the model's device unless <see cref="EvaluationOptions.Device"/> is set.</param>
    /// <param name="attack">The attack; only clean accuracy is measured when null, and the robust accuracy equals it.</param>
    /// <param name="options">Batch size, context, progress, device and how much is checked; all defaults when null.</param>
    /// <returns>Per-image results and findings.</returns>
    /// <exception cref="ArgumentException">An option is out of range, or the context has targets or sample indices.</exception>
    /// <exception cref="InvalidOperationException">The model misbehaves: a wrong shape, or no gradient for an attack that needs
    /// one. Or other processes evaluate something else (<see cref="EvaluationOptions.Collective"/>).</exception>
    /// <exception cref="NativeArgumentFreedException">The garbage collector freed a tensor that a native call was using.</exception>
    /// <exception cref="OperationCanceledException">The context's token, or that of another process, was cancelled.</exception>
    public static RobustnessResult Evaluate(
        IModule model, ImageDataset data, IAttack? attack = null, EvaluationOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(data);
        return Evaluate(model, EvaluationInputs.Of(data), attack, options ?? new EvaluationOptions());
    }

    /// <summary>As the other overload, on tensors of any shape: tables, sequences, video, or images with other values than
    /// bytes.</summary>
    /// <param name="model">Takes inputs like these and returns logits [N,K]. Runs in eval mode; its mode is restored afterwards.</param>
    /// <param name="inputs">Floating point [N,...] within the bounds of the attack's threat model, on the model's device and in its
    /// dtype unless the options name others. Not changed.</param>
    /// <param name="labels">True classes, int64 [N].</param>
    /// <param name="attack">The attack; only clean accuracy is measured when null, and the robust accuracy equals it.</param>
    /// <param name="options">Batch size, context, progress, device and how much is checked; all defaults when null.</param>
    /// <returns>Results for each sample and findings.</returns>
    /// <exception cref="ArgumentException">Inputs or labels are not as described, an option is out of range, or the context has targets
    /// or sample indices; checked before any work.</exception>
    /// <exception cref="InvalidOperationException">The model misbehaves: a wrong shape, or no gradient for an attack that needs
    /// one. Or other processes evaluate something else (<see cref="EvaluationOptions.Collective"/>).</exception>
    /// <exception cref="NativeArgumentFreedException">The garbage collector freed a tensor that a native call was using.</exception>
    /// <exception cref="OperationCanceledException">The context's token, or that of another process, was cancelled.</exception>
    public static RobustnessResult Evaluate(
        IModule model, Tensor inputs, Tensor labels, IAttack? attack, EvaluationOptions? options = null)
    {
        if (attack is null) TensorGuard.Inputs(inputs);
        else attack.Threat.CheckInputs(inputs);
        TensorGuard.Labels(labels, inputs);
        TensorGuard.LabelRange(labels);
        if (attack is not null) EnsembleThreat.CheckShape([attack], inputs);
        return Evaluate(model, EvaluationInputs.Of(inputs, labels, attack?.Threat), attack, options ?? new EvaluationOptions());
    }

    private static RobustnessResult Evaluate(IModule model, EvaluationInputs data, IAttack? attack, EvaluationOptions options)
    {
        ArgumentNullException.ThrowIfNull(model);
        options.Validate();
        var context = options.Context ?? new AttackContext();
        using var activity = ArdirDiagnostics.Source.StartActivity("ardir.evaluate");
        try
        {
            var ranks = new EvaluationRanks(options.Collective, context.CancellationToken);
            using var guarded = new GuardedModel(model, ranks.Quiet(context));
            using var run = new EvaluatorRun(guarded, data, attack, options, ranks);
            var result = TorchSharpRuntime.Run(context.Logger, run.Run);
            activity?.SetTag("ardir.samples", data.Count).SetTag("ardir.attack.name", attack?.Name ?? "none")
                .SetTag("ardir.accuracy.clean", result.CleanAccuracy).SetTag("ardir.accuracy.robust", result.RobustAccuracy);
            // Once for an evaluation, however many processes share it.
            if (options.RecordsAccuracy && ranks.IsFirst && ArdirDiagnostics.IsAccuracyWatched) Record(result, attack);
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
