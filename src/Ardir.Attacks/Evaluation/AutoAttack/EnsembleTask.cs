using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>What an ensemble evaluates.</summary>
internal sealed record EnsembleTask
{
    /// <summary>In the order to run, all with the threat model below.</summary>
    public required IReadOnlyList<IAttack> Attacks { get; init; }

    /// <summary>The attack that runs on a sample before it may run on all; null where every attack runs on all survivors.</summary>
    public SampledAttack? Sampled { get; init; }

    public required ThreatModel Threat { get; init; }

    /// <summary>Counts all passes of the evaluation.</summary>
    public required GuardedModel Model { get; init; }

    /// <summary>Clean images in [0,1], [N,C,H,W].</summary>
    public required Tensor Images { get; init; }

    /// <summary>True classes, int64 [N].</summary>
    public required Tensor Labels { get; init; }

    public required int BatchSize { get; init; }

    public required AttackContext Context { get; init; }

    /// <summary>The processes that share the work.</summary>
    public EvaluationRanks Ranks { get; init; } = EvaluationRanks.Alone;

    /// <summary>The budget of a point of the security curve; null for the evaluation itself.</summary>
    public double? Epsilon { get; init; }

    public bool IsSampled(int attack) => Sampled?.Attack == attack;

    public int Count => (int)Images.shape[0];

    /// <summary>The numbers of the images at some positions.</summary>
    public long[] Numbers(long[] rows) => Context.SampleIndices is { } numbers ? [.. rows.Select(row => numbers[(int)row])] : rows;
}
