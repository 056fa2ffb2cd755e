using System.Diagnostics;
using System.Diagnostics.Metrics;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>Listens to the library's meter and activity source and keeps everything.</summary>
internal sealed class Listener : IDisposable
{
    private readonly MeterListener _meter = new();
    private readonly ActivityListener _source;

    public Listener()
    {
        _meter.InstrumentPublished = (instrument, listener) => { if (instrument.Meter.Name == ArdirDiagnostics.Name) listener.EnableMeasurementEvents(instrument); };
        _meter.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Keep(instrument, value, tags));
        _meter.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Keep(instrument, value, tags));
        _meter.Start();
        _source = new ActivityListener
        {
            ShouldListenTo = source => source.Name == ArdirDiagnostics.Name,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = Activities.Add,
        };
        ActivitySource.AddActivityListener(_source);
    }

    public List<(string Name, string Tag, double Value)> Measurements { get; } = [];

    /// <summary>In the order in which they ended.</summary>
    public List<Activity> Activities { get; } = [];

    public double Total(string name, string? tag = null) => Measurements.Where(entry => entry.Name == name && (tag is null || entry.Tag == tag)).Sum(entry => entry.Value);

    public double[] Values(string name, string? tag = null) => [.. Measurements.Where(entry => entry.Name == name && (tag is null || entry.Tag == tag)).Select(entry => entry.Value)];

    public void Dispose()
    {
        _meter.Dispose();
        _source.Dispose();
    }

    private void Keep(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags) =>
        Measurements.Add((instrument.Name, string.Join(",", tags.ToArray().Select(tag => tag.Value)), value));
}
