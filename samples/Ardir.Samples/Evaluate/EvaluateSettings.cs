using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Samples;

/// <summary>What <c>evaluate</c> was asked for.</summary>
internal sealed record EvaluateSettings
{
    public required string Model { get; init; }

    public string DataFolder { get; init; } = Path.Combine(AppContext.BaseDirectory, "Data", "fashion-mnist");

    public required ThreatModel Threat { get; init; }

    public AutoAttackVersion Version { get; init; } = AutoAttackVersion.Standard;

    public int? Images { get; init; }

    public int BatchSize { get; init; } = 256;

    public ulong Seed { get; init; }

    public required string Output { get; init; }

    public required Device Device { get; init; }

    public IReadOnlyList<double> SecurityCurve { get; init; } = [];
}
