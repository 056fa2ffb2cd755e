namespace Ardir.Attacks;

/// <summary>What one batch of one unit of one attack brought: all that an evaluation needs to remember of it.</summary>
internal sealed record EnsembleBatch
{
    /// <summary>Index of the attack. The first of all, by which <see cref="EnsembleState"/> finds records in a damaged file.</summary>
    public required int Attack { get; init; }

    /// <summary>Index of the unit in the attack.</summary>
    public required int Unit { get; init; }

    /// <summary>The highest image number of the batch; the next batch begins after it.</summary>
    public required long Cursor { get; init; }

    /// <summary>Numbers of the images that were broken, in increasing order.</summary>
    public required long[] Broken { get; init; }

    /// <summary>The class that the model gives to each of them now.</summary>
    public required long[] Predictions { get; init; }

    public required long Forwards { get; init; }

    public required long Backwards { get; init; }

    /// <summary>Claims that a fresh forward pass or a check of the distance did not confirm.</summary>
    public required int Unconfirmed { get; init; }

    /// <summary>Numbers of the images whose gradient was exactly zero somewhere and that the batch did not break, in increasing order.</summary>
    public required long[] ZeroGradients { get; init; }

    /// <summary>Likewise of those whose gradient was no number although the logits were.</summary>
    public required long[] NoNumbers { get; init; }

    /// <summary>Names of the attacks within the attack that found no gradient, while others of it went on.</summary>
    public required string[] PartsWithoutGradient { get; init; }

    /// <summary>Whether the attack follows gradients, so that it could search the other images of the batch.</summary>
    public required bool FollowsGradients { get; init; }

    /// <summary>Whether no gradient flows through the model, so that the attack could not search at all. It ends there.</summary>
    public bool WithoutGradient { get; init; }

    public required double Seconds { get; init; }

    /// <summary>The budget of the security curve that the batch belongs to; null for the evaluation itself.</summary>
    public double? Epsilon { get; init; }
}
