namespace Ardir.Attacks;

/// <summary>What one batch of an evaluation by <see cref="RobustnessEvaluator"/> found.</summary>
internal sealed record EvaluatorBatch
{
    /// <summary>For each image whether the model is right on it.</summary>
    public required bool[] Correct { get; init; }

    /// <summary>For each image whether the model is right on it and still right after the attack.</summary>
    public required bool[] Robust { get; init; }

    /// <summary>Clean images with NaN logits.</summary>
    public required int NanImages { get; init; }

    /// <summary>How many images were attacked.</summary>
    public int Attacked { get; init; }

    /// <summary>How many of them were broken.</summary>
    public int Broken { get; init; }

    /// <summary>How many of them were broken by a point with NaN logits.</summary>
    public int NanPoints { get; init; }

    /// <summary>Unbroken images at which the attack met a gradient of exactly zero.</summary>
    public int ZeroGradients { get; init; }

    /// <summary>Unbroken images at which the attack met a gradient that is NaN or infinite.</summary>
    public int NonFiniteGradients { get; init; }

    /// <summary>Attacks that ended because no gradient flows through the model.</summary>
    public string[] WithoutGradient { get; init; } = [];

    public long Forwards { get; init; }

    public long Backwards { get; init; }

    public double Seconds { get; init; }
}
