using Ardir.Distillation;

namespace Ardir.Samples;

/// <summary>What <c>paper</c> was asked for.</summary>
internal sealed record PaperSettings
{
    public required ExperimentPlan Plan { get; init; }

    /// <summary>Names of methods; all of the plan when empty.</summary>
    public IReadOnlyList<string> Methods { get; init; } = [];

    /// <summary>The folder of the data set; null to write the report of what is finished, and run nothing.</summary>
    public string? Data { get; init; }

    public required string Output { get; init; }

    public required Device Device { get; init; }

    /// <summary>The processes that share the runs of the plan.</summary>
    public Ranks Ranks { get; init; } = Ranks.Alone;
}
