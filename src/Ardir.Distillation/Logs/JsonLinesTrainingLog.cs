using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Ardir.Distillation;

/// <summary>
/// Writes one JSON object per epoch and line: <c>epoch, learning_rate, train_loss, train_accuracy, clean_accuracy, robust_accuracy, seconds</c> and
/// <c>terms</c>, an object with the parts of the loss. What was not measured is null; NaN and infinities, which JSON lacks, are the texts
/// <c>"NaN"</c>, <c>"Infinity"</c> and <c>"-Infinity"</c>.
/// </summary>
/// <remarks>The file is replaced as a whole at the end of each epoch, from the history of the run: one that is killed and goes on neither loses a line nor
/// has one twice, and a reader never sees half of one. What an earlier run left in the file goes. Pass it to <see cref="DistillationTrainer.Fit"/>.</remarks>
/// <example><code>trainer.Fit(train, validation, new JsonLinesTrainingLog("runs/ardir/log.jsonl"));</code></example>
public sealed class JsonLinesTrainingLog : IProgress<TrainingProgress>
{
    // The names of layers are for people: a slash or an umlaut stays one.
    private static readonly JsonWriterOptions _options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly EpochLogFile _file;

    /// <summary>Checks that the file can be written; it appears at the end of the first epoch.</summary>
    /// <param name="path">Path of the file; folders that are missing are made.</param>
    /// <exception cref="ArgumentException">The path is empty.</exception>
    /// <exception cref="IOException">Nothing can be written there.</exception>
    public JsonLinesTrainingLog(string path) => _file = new EpochLogFile(path);

    /// <summary>Writes the file when an epoch has ended or a run goes on; ignores all else.</summary>
    /// <param name="value">What the trainer tells.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void Report(TrainingProgress value)
    {
        ArgumentNullException.ThrowIfNull(value);
        if (value.Phase is TrainingPhase.EpochEnd or TrainingPhase.Resume) _file.Write(string.Concat(value.History.Select(Line)));
    }

    private static string Line(EpochMetrics epoch)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, _options))
        {
            json.WriteStartObject();
            json.WriteNumber(EpochColumns.Epoch, epoch.Epoch);
            foreach (var (name, value) in EpochColumns.Fixed) Write(json, name, value(epoch));
            json.WriteStartObject("terms");
            foreach (var term in EpochColumns.Terms([epoch])) Write(json, term, epoch.Terms[term]);
            json.WriteEndObject();
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(stream.ToArray()) + "\n";
    }

    private static void Write(Utf8JsonWriter json, string name, double? value)
    {
        if (value is not { } number) json.WriteNull(name);
        else if (double.IsFinite(number)) json.WriteNumber(name, number);
        else json.WriteString(name, number.ToString(CultureInfo.InvariantCulture));
    }
}
