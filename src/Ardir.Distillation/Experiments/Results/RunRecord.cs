using System.Text.Json;
using System.Text.Json.Serialization;
using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>What came of one run: a method trained and attacked with one seed. It is the file <c>run.json</c> in the folder of the
/// run.</summary>
public sealed record RunRecord
{
    /// <summary>Name of the method.</summary>
    public required string Method { get; init; }

    /// <summary>Seed of the run.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Everything that the training depends on, by name. A plan that says something else does not take the record for its
    /// own.</summary>
    public required IReadOnlyDictionary<string, string> Identity { get; init; }

    /// <summary>How the training ended.</summary>
    public required RunOutcome Outcome { get; init; }

    /// <summary>Why it ended otherwise than planned; empty when it did not.</summary>
    /// <value>Empty by default.</value>
    public string Message { get; init; } = "";

    /// <summary>The epochs, in order; empty when the training diverged.</summary>
    /// <value>Empty by default.</value>
    public IReadOnlyList<EpochMetrics> Epochs { get; init; } = [];

    /// <summary>The epoch, from 0, whose weights are the best ones.</summary>
    public int BestEpoch { get; init; }

    /// <summary>The attacks that are finished, in the order in which they ran.</summary>
    /// <value>Empty by default.</value>
    public IReadOnlyList<RunEvaluation> Evaluations { get; init; } = [];

    /// <summary>Wall time of training and selection, summed over the epochs.</summary>
    [JsonIgnore]
    public TimeSpan TrainingTime => Epochs.Aggregate(TimeSpan.Zero, (sum, epoch) => sum + epoch.Elapsed);

    /// <summary>Where the run was computed.</summary>
    public required RunEnvironment Environment { get; init; }

    /// <summary>The evaluation of an attack, or null if there is none.</summary>
    /// <param name="attack">Name of the attack.</param>
    /// <param name="weights">The weights attacked.</param>
    public RunEvaluation? Find(string attack, KeptWeights weights) =>
        Evaluations.FirstOrDefault(evaluation => evaluation.Attack == attack && evaluation.Weights == weights);

    /// <summary>Reads a record.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="FormatException">The file is no record.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static RunRecord Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        try
        {
            var record = JsonSerializer.Deserialize(SharedFile.ReadText(path), RecordJson.Default.RunRecord)
                ?? throw new JsonException("The text is 'null'.");
            return record.IsWhole() ? record : throw new JsonException("An entry is missing or has no meaning.");
        }
        catch (JsonException e)
        {
            throw new FormatException($"{path} is not the record of a run. {e.Message} Delete it to run this run again.", e);
        }
    }

    // What is absent from the file is null here, although it may not be.
    private bool IsWhole() => Message is not null && Enum.IsDefined(Outcome)
        && Epochs is not null && !Epochs.Contains(null!) && Evaluations is not null && Evaluations.All(IsWhole)
        && (Outcome != RunOutcome.Finished || (BestEpoch >= 0 && BestEpoch < Epochs.Count));

    private static bool IsWhole(RunEvaluation? evaluation) => evaluation is { Findings: not null } && Enum.IsDefined(evaluation.Weights)
        && evaluation.Images > 0 && InRange(evaluation.Correct, evaluation.Images) && InRange(evaluation.Robust, evaluation.Images);

    private static bool InRange(int count, int all) => count >= 0 && count <= all;

    /// <summary>Writes the record, atomically.</summary>
    /// <param name="path">The file; replaced when it exists.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void Save(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        AtomicFile.Write(path, stream => JsonSerializer.Serialize(stream, this, RecordJson.Default.RunRecord));
    }
}
