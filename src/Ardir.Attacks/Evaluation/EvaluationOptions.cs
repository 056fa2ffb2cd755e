using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>Options of <see cref="RobustnessEvaluator"/>.</summary>
public sealed record EvaluationOptions
{
    /// <summary>Images per batch, at least 1. Results do not depend on it, up to rounding.</summary>
    /// <value>256 by default.</value>
    public int BatchSize { get; init; } = 256;

    /// <summary>Seed, cancellation, logging and progress of the attack. Targets and sample indices must be null.</summary>
    /// <value>null by default: all defaults.</value>
    public AttackContext? Context { get; init; }

    /// <summary>Receives the number of images done after every batch.</summary>
    /// <value>null by default.</value>
    public IProgress<int>? Progress { get; init; }

    /// <summary>How much is checked besides the accuracies.</summary>
    /// <value><see cref="EvaluationChecks.Free"/> by default.</value>
    public EvaluationChecks Checks { get; init; } = EvaluationChecks.Free;

    /// <summary>The model's device. Each batch is moved there, so that a data set larger than a GPU's memory can stay in that of the
    /// host.</summary>
    /// <value>null by default: the data are on the model's device already.</value>
    public Device? Device { get; init; }

    /// <summary>What the model takes; batches are converted to it. For a model whose parameters have another precision than its
    /// inputs.</summary>
    /// <value>null by default: images of a data set have the dtype of the model's first parameter, float32 if it has none, and other inputs
    /// keep theirs.</value>
    public ScalarType? DType { get; init; }

    /// <summary>Whether clean and robust accuracy are recorded as metrics (<c>ardir.accuracy</c>). An evaluation within a training switches
    /// this off, where the caller records them under names of its own.</summary>
    /// <value>true by default.</value>
    public bool RecordsAccuracy { get; init; } = true;

    /// <summary>The processes that share the evaluation. All of them must call it with the same model, data, attack and options, which is
    /// checked before any work, and all get the same result: that of a single process, bit for bit on machines that compute alike. Only
    /// rank 0 logs and reports progress. A batch is worked on by one process, so <see cref="BatchSize"/> should leave many batches for
    /// each. The attack itself knows nothing of it.</summary>
    /// <value>A single process by default.</value>
    public ICollective Collective { get; init; } = SoloCollective.Instance;

    internal void Validate()
    {
        if (Collective is null)
            throw new ArgumentNullException(nameof(Collective), "Leave Collective out for a single process.");
        OptionGuard.Positive(BatchSize);
        if (!Enum.IsDefined(Checks)) throw new ArgumentOutOfRangeException(nameof(Checks), Checks, "Unknown kind of checks.");
        if (DType is not (null or ScalarType.Float64 or ScalarType.Float32 or ScalarType.Float16 or ScalarType.BFloat16))
            throw new ArgumentOutOfRangeException(nameof(DType), DType, "DType must be a floating-point type, such as ScalarType.Float32.");
        if (Context is { Targets: null, SampleIndices: null } or null) return;
        throw new ArgumentException(
            "Targets and SampleIndices must be null: an evaluation is untargeted and numbers the samples itself.", nameof(Context));
    }
}
