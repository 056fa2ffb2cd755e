using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>The contents of a report except for its images.</summary>
internal sealed record ReportData
{
    public required ThreatModel Threat { get; init; }

    public required AutoAttackVersion Version { get; init; }

    public required ulong Seed { get; init; }

    public ulong ContextSeed { get; init; }

    public required int Classes { get; init; }

    public string Model { get; init; } = "";

    public required bool[] Correct { get; init; }

    public required bool[] Robust { get; init; }

    /// <summary>For each image the index of the attack that broke it; -1 for none.</summary>
    public required int[] BrokenBy { get; init; }

    public required long[] Predictions { get; init; }

    public required IReadOnlyList<AttackSummary> Attacks { get; init; }

    /// <summary>Names of the attacks that give up samples out of reach.</summary>
    public IReadOnlyList<string> GivesUp { get; init; } = [];

    /// <summary>In which precision gradients were followed.</summary>
    public SearchPrecision SearchPrecision { get; init; }

    /// <summary>What an enclosing evaluation must know about the gradients, by the positions of the images.</summary>
    public AttackNotes Notes { get; init; } = new();

    /// <summary>Of the fast version; null for the others.</summary>
    public SquareSample? SquareSample { get; init; }

    /// <summary>After every batch of every attack, in order.</summary>
    public IReadOnlyList<BudgetPoint> Budget { get; init; } = [];

    /// <summary>How many of these points belong to each attack.</summary>
    public IReadOnlyList<int> BudgetCounts { get; init; } = [];

    public required IReadOnlyList<EvaluationFinding> Findings { get; init; }

    public required IReadOnlyList<(double Epsilon, double RobustAccuracy)> SecurityCurve { get; init; }
}
