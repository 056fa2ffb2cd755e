using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Samples;

/// <summary>What <c>evaluate</c> was asked for.</summary>
internal sealed record EvaluateSettings
{
    /// <summary>The file of the model.</summary>
    public required string Model { get; init; }

    /// <summary>Whether it is TorchScript rather than weights.</summary>
    public bool IsTorchScript { get; init; }

    public required DataFolder Data { get; init; }

    /// <summary>Channels to read pictures with; null for those of the network.</summary>
    public int? Channels { get; init; }

    public required ThreatModel Threat { get; init; }

    public AutoAttackVersion Version { get; init; } = AutoAttackVersion.Standard;

    public SearchPrecision Search { get; init; }

    public NetworkPasses Passes { get; init; }

    public int? Images { get; init; }

    public int BatchSize { get; init; } = 256;

    public ulong Seed { get; init; }

    public required string Output { get; init; }

    public required Device Device { get; init; }

    public IReadOnlyList<double> SecurityCurve { get; init; } = [];

    public Ranks Ranks { get; init; } = Ranks.Alone;
}
