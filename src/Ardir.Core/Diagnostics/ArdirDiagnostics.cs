using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Ardir.Core;

/// <summary>
/// The library's traces and metrics: an <see cref="ActivitySource"/> and a <see cref="System.Diagnostics.Metrics.Meter"/>, both named
/// <see cref="Name"/>. Without a listener nothing is measured, allocated or read from the device.
/// </summary>
/// <remarks>
/// <para>
/// Activities: <c>ardir.fit</c>, <c>ardir.epoch</c>, <c>ardir.evaluate</c>, <c>ardir.attack</c> (one call of an attack, or one batch of one
/// of AutoAttack's attacks) and <c>ardir.autoattack</c>.
/// </para>
/// <para>
/// Counters: <c>ardir.training.samples</c>, <c>ardir.training.steps</c>, <c>ardir.training.epochs</c>, and
/// <c>ardir.attack.sample_forwards</c> and <c>ardir.attack.sample_backwards</c> (samples passed forward and backward through a model by an
/// attack, tagged <c>attack</c>).
/// </para>
/// <para>
/// Gauges: <c>ardir.training.loss</c> (mean of the epoch so far, at logging points) and <c>ardir.accuracy</c> (0 to 1, tagged <c>kind</c>:
/// train, clean, robust and, for averaged weights, average_clean and average_robust).
/// </para>
/// </remarks>
/// <example><code>
/// using var traces = Sdk.CreateTracerProviderBuilder().AddSource(ArdirDiagnostics.Name).AddConsoleExporter().Build();
/// using var metrics = Sdk.CreateMeterProviderBuilder().AddMeter(ArdirDiagnostics.Name).AddConsoleExporter().Build();
/// </code></example>
public static class ArdirDiagnostics
{
    /// <summary>The name of the activity source and of the meter.</summary>
    public const string Name = "Ardir";

    private static readonly string? _version = typeof(ArdirDiagnostics).Assembly.GetName().Version?.ToString(3);

    /// <summary>The library's activity source, for an attack or a trainer of your own whose activities belong with the
    /// library's.</summary>
    public static ActivitySource Source { get; } = new(Name, _version);

    /// <summary>The library's meter; likewise.</summary>
    public static Meter Meter { get; } = new(Name, _version);

    /// <summary>Whether anyone listens to the gauge <c>ardir.accuracy</c>, so that reading an accuracy from the device is worth its
    /// time.</summary>
    public static bool IsAccuracyWatched => AccuracyGauge.IsWatched;

    /// <summary>Records to the gauge <c>ardir.accuracy</c>.</summary>
    /// <param name="kind">The value of the tag <c>kind</c>: train, clean, robust, or one of your own.</param>
    /// <param name="accuracy">From 0 to 1.</param>
    public static void RecordAccuracy(string kind, double accuracy) => AccuracyGauge.Record(kind, accuracy);

    /// <summary>
    /// For an exception filter: records the exception on the activity and returns false, so that nothing is caught. A cancellation is not
    /// recorded as a failure.
    /// </summary>
    /// <param name="activity">The activity of the work that failed; null without a listener.</param>
    /// <param name="exception">What it threw.</param>
    /// <returns>Always false.</returns>
    public static bool Failed(Activity? activity, Exception exception)
    {
        ArgumentNullException.ThrowIfNull(exception);
        if (activity is not null && exception is not OperationCanceledException)
            activity.SetStatus(ActivityStatusCode.Error, exception.Message).AddException(exception);
        return false;
    }
}
