using System.Text.Json.Serialization;

namespace Ardir.Attacks;

/// <summary>The result of one batch of one unit of one attack: everything about it that an evaluation stores.</summary>
internal sealed record EnsembleBatch
{
    /// <summary>Index of the attack. Must stay the first property: <see cref="EnsembleState"/> finds records in a damaged file by
    /// it.</summary>
    public required int Attack { get; init; }

    /// <summary>Index of the unit in the attack; for one that is sampled the pass (<see cref="SurvivorSample"/>).</summary>
    public required int Unit { get; init; }

    /// <summary>The highest image number of the batch; the next batch begins after it.</summary>
    public required long Cursor { get; init; }

    /// <summary>Numbers of the images that were broken, in increasing order.</summary>
    public required long[] Broken { get; init; }

    /// <summary>The class that the model predicts for each adversarial image, in the order of <see cref="Broken"/>.</summary>
    public required long[] Predictions { get; init; }

    public required long Forwards { get; init; }

    public required long Backwards { get; init; }

    /// <summary>How many claims a fresh forward pass or a check of the distance did not confirm.</summary>
    public required int Unconfirmed { get; init; }

    /// <summary>Numbers of the images whose gradient was exactly zero at some point and that the batch did not break, in increasing
    /// order.</summary>
    public required long[] ZeroGradients { get; init; }

    /// <summary>As <see cref="ZeroGradients"/>, for gradients that were NaN or infinite although no logit was NaN.</summary>
    // The name that state files have had from the beginning.
    [JsonPropertyName("NoNumbers")]
    public required long[] NonFiniteGradients { get; init; }

    /// <summary>Names of those attacks within a composite attack that found no gradient, while its other attacks ran.</summary>
    public required string[] PartsWithoutGradient { get; init; }

    /// <summary>Whether the attack follows gradients: unbroken images of the batch that neither <see cref="ZeroGradients"/> nor
    /// <see cref="NonFiniteGradients"/> lists then had a usable gradient at every step.</summary>
    public required bool FollowsGradients { get; init; }

    /// <summary>Whether no gradient flows through the model, so that the attack could not search at all and ended with this
    /// batch.</summary>
    public bool WithoutGradient { get; init; }

    public required double Seconds { get; init; }

    /// <summary>The budget of the security curve that the batch belongs to; null for the evaluation itself.</summary>
    public double? Epsilon { get; init; }
}
