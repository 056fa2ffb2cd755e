using System.Runtime.ExceptionServices;

namespace Ardir.Distillation;

/// <summary>Combines several training logs.</summary>
public static class TrainingLogs
{
    /// <summary>One receiver of progress that passes everything on to several, in order, on the calling thread.</summary>
    /// <param name="logs">Logs, displays or anything else that follows a run; none is null.</param>
    /// <returns>The receiver. When one of the logs throws, the others still get the report; then the exception is thrown on,
    /// several of them as an <see cref="AggregateException"/>.</returns>
    /// <exception cref="ArgumentException"><paramref name="logs"/> is empty, or one of them is null.</exception>
    /// <example><code>
    /// var log = TrainingLogs.Combine(new CsvTrainingLog("run/log.csv"), new TensorBoardTrainingLog("run/tensorboard"));
    /// trainer.Fit(train, validation, log);
    /// </code></example>
    public static IProgress<TrainingProgress> Combine(params IProgress<TrainingProgress>[] logs)
    {
        ArgumentNullException.ThrowIfNull(logs);
        if (logs.Length == 0) throw new ArgumentException("logs is empty; pass at least one.", nameof(logs));
        if (Array.IndexOf(logs, null) is >= 0 and var at) throw new ArgumentException($"logs[{at}] is null; leave it out.", nameof(logs));
        return new Combined([.. logs]);
    }

    private sealed class Combined(IProgress<TrainingProgress>[] logs) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value)
        {
            List<Exception>? failures = null;
            foreach (var log in logs)
            {
                try
                {
                    log.Report(value);
                }
                catch (Exception e)
                {
                    (failures ??= []).Add(e);
                }
            }
            if (failures is null) return;
            if (failures.Count == 1) ExceptionDispatchInfo.Throw(failures[0]);
            throw new AggregateException("Several training logs failed.", failures);
        }
    }
}
