using Ardir.Core;
using TorchSharp.Modules;

namespace Ardir.Distillation;

/// <summary>Looks for NaN and infinite values in a student, and says what to do about them.</summary>
/// <param name="weights">The student.</param>
/// <param name="optimizer">What is trained, the parameters of the loss included.</param>
/// <param name="images">Makes some images for the student; null to look at the weights alone.</param>
internal sealed class StudentProbe(StudentWeights weights, RunOptimizer optimizer, Func<Tensor>? images)
{
    private const string LowerRate = "Lower the learning rate or set WarmupEpochs.";

    /// <summary>Whether a trained parameter or a logit is NaN or infinite. Exploded weights may still be finite when their logits are not.
    /// Frozen parameters are not looked at, but they show in the logits.</summary>
    public bool IsBroken()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        if (optimizer.Trained.Any(IsNotFinite)) return true;
        if (images is null) return false;
        using var evaluation = new EvaluationModeScope(weights.Student);
        return IsNotFinite(weights.Network.call(images()));
    }

    /// <summary>What to do. A lower learning rate does not help when batch norm saw a single value per channel: its variance is 0/0, which
    /// libtorch adds to the running variance without an error.</summary>
    public string Advice()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        if (weights.Student.parameters().Any(IsNotFinite)) return LowerRate;
        foreach (var (name, module) in weights.Student.named_modules())
        {
            if (module is BatchNorm { running_var: { } variance } && IsNotFinite(variance))
                return $"All weights are numbers, but the running variance of batch norm '{name}' is not: " +
                    "one value per channel has no variance. Choose BatchSize and AccumulationSteps so that no batch, the last included, " +
                    "and no part of one is a single image.";
        }
        return LowerRate;
    }

    private static bool IsNotFinite(Tensor values) => !HostRead.Bool(values.isfinite().all());
}
