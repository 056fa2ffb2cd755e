using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Ardir.Distillation;

/// <summary>
/// Writes one JSON object per epoch and line: <c>epoch, learning_rate, train_loss, train_accuracy, clean_accuracy,
/// robust_accuracy, average_clean_accuracy, average_robust_accuracy, skipped_steps, seconds</c> (defined in
/// <see cref="EpochMetrics"/>) and <c>terms</c>, an object with the parts of the loss. What was not measured is null; NaN and
/// infinities, which JSON lacks, are the texts <c>"NaN"</c>, <c>"Infinity"</c> and <c>"-Infinity"</c>.
/// </summary>
/// <remarks>The file is replaced as a whole at the end of each epoch, from the history of the run: after a run was killed and
/// resumes, no line is missing or there twice, and a reader never sees half a line. Lines of an earlier run in the file are
/// overwritten. Pass the log to <see cref="DistillationTrainer.Fit"/>.</remarks>
/// <example><code>trainer.Fit(train, validation, new JsonLinesTrainingLog("runs/ardir/log.jsonl"));</code></example>
public sealed class JsonLinesTrainingLog : IProgress<TrainingProgress>
{
    // People read the names of loss parts, so characters such as an umlaut are not escaped.
    private static readonly JsonWriterOptions _options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly EpochLogFile _file;

    /// <summary>Checks that the file can be written; it appears at the end of the first epoch.</summary>
    /// <param name="path">Path of the file; folders that are missing are made.</param>
    /// <exception cref="ArgumentException">The path is empty.</exception>
    /// <exception cref="IOException">Nothing can be written there.</exception>
    public JsonLinesTrainingLog(string path) => _file = new EpochLogFile(path);

    /// <summary>Writes the file when an epoch has ended or a run resumes; ignores other reports.</summary>
    /// <param name="value">The trainer's report.</param>
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
