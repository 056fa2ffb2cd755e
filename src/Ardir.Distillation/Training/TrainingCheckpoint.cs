using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>A run after some epoch: everything that the rest of it depends on. Random numbers derive from seed, epoch and step, so no generator state is needed.</summary>
internal sealed partial record TrainingCheckpoint
{
    public const int CurrentFormat = 1;
    private const string MetadataKey = "ardir.training";
    private const string StudentPrefix = "student.";
    private const string MomentumPrefix = "momentum.";
    private const string LossPrefix = "loss.";

    public required int Format { get; init; }

    public required string Library { get; init; }

    /// <summary>What must be the same for a run to go on, by name.</summary>
    public required Dictionary<string, string> Identity { get; init; }

    public required List<EpochMetrics> Epochs { get; init; }

    public required int Best { get; init; }

    public void Write(string path, IReadOnlyDictionary<string, Tensor> student, IReadOnlyDictionary<string, Tensor> momentum, IReadOnlyDictionary<string, Tensor> loss)
    {
        var tensors = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        foreach (var (name, value) in student) tensors[StudentPrefix + name] = value;
        foreach (var (name, value) in momentum) tensors[MomentumPrefix + name] = value;
        foreach (var (name, value) in loss) tensors[LossPrefix + name] = value;
        SafetensorsFile.Write(path, tensors, new Dictionary<string, string>
        {
            [MetadataKey] = JsonSerializer.Serialize(this, Json.Default.TrainingCheckpoint),
        });
    }

    public static (TrainingCheckpoint Checkpoint, Dictionary<string, Tensor> Student, Dictionary<string, Tensor> Momentum, Dictionary<string, Tensor> Loss) Read(string path)
    {
        var (tensors, metadata) = SafetensorsFile.Read(path);
        try
        {
            if (!metadata.TryGetValue(MetadataKey, out var json)) throw new WeightFormatException($"{path} is not a training checkpoint: its metadata has no '{MetadataKey}'.");
            var checkpoint = JsonSerializer.Deserialize(json, Json.Default.TrainingCheckpoint) ?? throw new JsonException("null");
            if (checkpoint.Format != CurrentFormat) throw new WeightFormatException($"{path} has checkpoint format {checkpoint.Format}; this library reads {CurrentFormat}.");
            if (checkpoint.Epochs.Where((epoch, i) => epoch?.Epoch != i).Any()) throw new JsonException("the epochs are not 0, 1, 2, ...");
            if (checkpoint.Best < 0 || checkpoint.Best >= Math.Max(checkpoint.Epochs.Count, 1)) throw new JsonException("the best epoch is not one of them");
            if (tensors.Keys.FirstOrDefault(name => !Array.Exists([StudentPrefix, MomentumPrefix, LossPrefix], prefix => name.StartsWith(prefix, StringComparison.Ordinal))) is { } stranger)
                throw new WeightFormatException($"{path} has '{stranger}', which is neither of the student nor a momentum nor of the loss.");
            return (checkpoint, Part(tensors, StudentPrefix), Part(tensors, MomentumPrefix), Part(tensors, LossPrefix));
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

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals, RespectNullableAnnotations = true)]
    [JsonSerializable(typeof(TrainingCheckpoint))]
    private sealed partial class Json : JsonSerializerContext;
}
