using System.Diagnostics.Metrics;

namespace Ardir.Core;

/// <summary>The gauge <c>ardir.accuracy</c>, which both training and evaluations record to.</summary>
internal static class AccuracyGauge
{
    private static readonly Gauge<double> _accuracy =
        ArdirDiagnostics.Meter.CreateGauge<double>("ardir.accuracy", "1", "Accuracy from 0 to 1, by kind.");

    public static bool IsWatched => _accuracy.Enabled;

    public static void Record(string kind, double accuracy) =>
        _accuracy.Record(accuracy, new KeyValuePair<string, object?>("kind", kind));
}
