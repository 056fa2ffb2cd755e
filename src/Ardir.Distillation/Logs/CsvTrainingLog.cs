using System.Globalization;
using System.Text;

namespace Ardir.Distillation;

/// <summary>
/// Writes one row per epoch to a CSV file (RFC 4180, UTF-8, invariant culture): <c>epoch, learning_rate, train_loss,
/// train_accuracy, clean_accuracy, robust_accuracy, average_clean_accuracy, average_robust_accuracy, skipped_steps, seconds</c>
/// (defined in <see cref="EpochMetrics"/>), then <c>terms.NAME</c> for each part of the loss in alphabetical order. What was not
/// measured is empty.
/// </summary>
/// <remarks>The file is replaced as a whole at the end of each epoch, from the history of the run: after a run was killed and
/// resumes, no row is missing or there twice, and a reader never sees half a row. Rows of an earlier run in the file are
/// overwritten. Pass the log to <see cref="DistillationTrainer.Fit"/>.</remarks>
/// <example><code>trainer.Fit(train, validation, new CsvTrainingLog("runs/ardir/log.csv"));</code></example>
public sealed class CsvTrainingLog : IProgress<TrainingProgress>
{
    private readonly EpochLogFile _file;

    /// <summary>Checks that the file can be written; it appears at the end of the first epoch.</summary>
    /// <param name="path">Path of the file; folders that are missing are made.</param>
    /// <exception cref="ArgumentException">The path is empty.</exception>
    /// <exception cref="IOException">Nothing can be written there.</exception>
    public CsvTrainingLog(string path) => _file = new EpochLogFile(path);

    /// <summary>Writes the file when an epoch has ended or a run resumes; ignores other reports.</summary>
    /// <param name="value">The trainer's report.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void Report(TrainingProgress value)
    {
        ArgumentNullException.ThrowIfNull(value);
        if (value.Phase is TrainingPhase.EpochEnd or TrainingPhase.Resume) _file.Write(Format(value.History));
    }

    private static string Format(IReadOnlyList<EpochMetrics> epochs)
    {
        var terms = EpochColumns.Terms(epochs);
        var text = new StringBuilder();
        Row(text,
        [
            EpochColumns.Epoch,
            .. EpochColumns.Fixed.Select(column => column.Name),
            .. terms.Select(term => EpochColumns.TermPrefix + term),
        ]);
        foreach (var epoch in epochs)
            Row(text,
            [
                epoch.Epoch.ToString(CultureInfo.InvariantCulture),
                .. EpochColumns.Fixed.Select(column => Number(column.Value(epoch))),
                .. terms.Select(term => epoch.Terms.TryGetValue(term, out var value) ? Number(value) : ""),
            ]);
        return text.ToString();
    }

    private static void Row(StringBuilder text, IEnumerable<string> fields) => text.AppendJoin(',', fields.Select(Quote)).Append('\n');

    private static string Number(double? value) => value?.ToString("R", CultureInfo.InvariantCulture) ?? "";

    private static string Quote(string field) => field.AsSpan().IndexOfAny(",\"\r\n") < 0
        ? field
        : $"\"{field.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}
