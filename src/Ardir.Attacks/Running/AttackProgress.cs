namespace Ardir.Attacks;

/// <summary>How far an attack has come.</summary>
public sealed record AttackProgress
{
    /// <summary>Name of the attack.</summary>
    public required string Attack { get; init; }

    /// <summary>Steps done in this restart.</summary>
    public required int Step { get; init; }

    /// <summary>Steps of a restart.</summary>
    public required int Steps { get; init; }

    /// <summary>The restart, from 0.</summary>
    public required int Restart { get; init; }

    /// <summary>Samples still being attacked.</summary>
    public required int Active { get; init; }

    /// <summary>Samples passed forward through the model so far.</summary>
    public required long SampleForwards { get; init; }

    /// <summary>Samples passed backward through the model so far.</summary>
    public required long SampleBackwards { get; init; }

    /// <summary>Estimated share of the whole evaluation that is done, 0 to 1, also in the middle of a batch; null when the attack runs
    /// without an ensemble.</summary>
    public double? Fraction { get; init; }

    /// <summary>How far the ensemble has come, when an ensemble reports at the end of a batch, or once when it resumes from a state file;
    /// null otherwise.</summary>
    public EvaluationProgress? Evaluation { get; init; }
}
