using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>A run after some epoch: everything that the rest of it depends on. Random numbers derive from seed, epoch and step,
/// so no generator state is needed.</summary>
internal sealed partial record TrainingCheckpoint
{
    public const int CurrentFormat = 3;
    private const string MetadataKey = "ardir.training";
    private const string StudentPrefix = "student.";
    private const string OptimizerPrefix = "optimizer.";
    private const string AveragePrefix = "average.";
    private const string LossPrefix = "loss.";

    private static readonly string[] _prefixes = [StudentPrefix, OptimizerPrefix, AveragePrefix, LossPrefix];

    public required int Format { get; init; }

    public required string Library { get; init; }

    /// <summary>What must be the same for a run to resume, by name.</summary>
    public required Dictionary<string, string> Identity { get; init; }

    public required List<EpochMetrics> Epochs { get; init; }

    public required int Best { get; init; }

    /// <summary>The unfinished epoch after <see cref="Epochs"/>, if the checkpoint was written within one.</summary>
    public PartialEpoch? Partial { get; init; }

    /// <summary>Steps left out one after another before this checkpoint.</summary>
    public int SkippedInARow { get; init; }

    /// <summary>Number of contributions to the average of the weights.</summary>
    public long AverageCount { get; init; }

    public void Write(string path, CheckpointTensors parts)
    {
        var tensors = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        foreach (var (name, value) in parts.Student) tensors[StudentPrefix + name] = value;
        foreach (var (name, value) in parts.Optimizer) tensors[OptimizerPrefix + name] = value;
        foreach (var (name, value) in parts.Average) tensors[AveragePrefix + name] = value;
        foreach (var (name, value) in parts.Loss) tensors[LossPrefix + name] = value;
        SafetensorsFile.Write(path, tensors, new Dictionary<string, string>
        {
            [MetadataKey] = JsonSerializer.Serialize(this, Json.Default.TrainingCheckpoint),
        });
    }

    /// <summary>Reads a file. The tensors are the caller's to dispose.</summary>
    public static (TrainingCheckpoint Checkpoint, CheckpointTensors Tensors) Read(string path)
    {
        var (tensors, metadata) = SafetensorsFile.Read(path);
        try
        {
            if (!metadata.TryGetValue(MetadataKey, out var json))
                throw new WeightFormatException($"{path} is not a training checkpoint: its metadata has no '{MetadataKey}'.");
            var checkpoint = JsonSerializer.Deserialize(json, Json.Default.TrainingCheckpoint) ?? throw new JsonException("null");
            if (checkpoint.Format != CurrentFormat)
                throw new WeightFormatException(
                    $"{path} has checkpoint format {checkpoint.Format}, of another version of Ardir; this one reads {CurrentFormat}. " +
                    "Finish the run with the version that began it, or choose another directory; its weights are the entries that begin " +
                    $"with '{StudentPrefix}'.");
            if (checkpoint.Epochs.Where((epoch, i) => epoch?.Epoch != i).Any()) throw new JsonException("the epochs are not 0, 1, 2, ...");
            if (checkpoint.Best < 0 || checkpoint.Best >= Math.Max(checkpoint.Epochs.Count, 1))
                throw new JsonException("the best epoch is not one of them");
            if (checkpoint.AverageCount < 0) throw new JsonException($"the average has {checkpoint.AverageCount} contributions");
            if (checkpoint.SkippedInARow < 0) throw new JsonException($"{checkpoint.SkippedInARow} steps in a row were skipped");
            if (checkpoint.Partial is { } partial && (partial.Step < 1 || partial.Sums is null))
                throw new JsonException("the partial epoch has no step");
            var strangers = tensors.Keys.Where(name => !_prefixes.Any(prefix => name.StartsWith(prefix, StringComparison.Ordinal)));
            if (strangers.FirstOrDefault() is { } stranger)
                throw new WeightFormatException(
                    $"{path} has '{stranger}', which is neither of the student nor of the optimiser nor an average nor of the loss.");
            if (checkpoint.AverageCount == 0 && tensors.Keys.Any(name => name.StartsWith(AveragePrefix, StringComparison.Ordinal)))
                throw new JsonException("there is an average without contributions");
            return (checkpoint, new CheckpointTensors(
                Part(tensors, StudentPrefix), Part(tensors, OptimizerPrefix), Part(tensors, AveragePrefix), Part(tensors, LossPrefix)));
        }
        catch (Exception e)
        {
            foreach (var tensor in tensors.Values) tensor.Dispose();
            if (e is JsonException) throw new WeightFormatException($"{path}: the training state is damaged ({e.Message}).", e);
            throw;
        }
    }

    public static string Number(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    private static Dictionary<string, Tensor> Part(Dictionary<string, Tensor> tensors, string prefix) => tensors
        .Where(pair => pair.Key.StartsWith(prefix, StringComparison.Ordinal))
        .ToDictionary(pair => pair.Key[prefix.Length..], pair => pair.Value, StringComparer.Ordinal);

    [JsonSourceGenerationOptions(
        PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        RespectNullableAnnotations = true)]
    [JsonSerializable(typeof(TrainingCheckpoint))]
    private sealed partial class Json : JsonSerializerContext;
}
