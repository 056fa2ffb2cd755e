using System.Text.Json.Serialization;

namespace Ardir.Distillation;

/// <summary>What an attack did to the network of a run.</summary>
public sealed record RunEvaluation
{
    /// <summary>Name of the attack in the plan.</summary>
    public required string Attack { get; init; }

    /// <summary>The weights attacked.</summary>
    public required KeptWeights Weights { get; init; }

    /// <summary>What the attack depends on: its options, the threat model and the images. The attack runs again when the plan says
    /// something else.</summary>
    public required string Identity { get; init; }

    /// <summary>Test images.</summary>
    public required int Images { get; init; }

    /// <summary>Images classified correctly without an attack.</summary>
    public required int Correct { get; init; }

    /// <summary>Images classified correctly under the attack.</summary>
    public required int Robust { get; init; }

    /// <summary>Messages of the findings about the evaluation; empty when nothing speaks against it.</summary>
    /// <value>Empty by default.</value>
    public IReadOnlyList<string> Findings { get; init; } = [];

    /// <summary>Images passed forward and backward.</summary>
    public required long SampleEvaluations { get; init; }

    /// <summary>Wall time.</summary>
    public required TimeSpan Elapsed { get; init; }

    /// <summary>The end of the identity, which says on which images.</summary>
    [JsonIgnore]
    internal string TestedOn => Identity[(Identity.LastIndexOf(';') + 1)..];

    /// <summary>Share of images classified correctly without an attack, 0 to 1.</summary>
    [JsonIgnore]
    public double CleanAccuracy => Correct / (double)Images;

    /// <summary>Share of images classified correctly under the attack, 0 to 1.</summary>
    [JsonIgnore]
    public double RobustAccuracy => Robust / (double)Images;
}
