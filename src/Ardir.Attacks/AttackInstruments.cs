using System.Diagnostics;
using System.Diagnostics.Metrics;
using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>Metrics and tracing of attacks. Names and tags are built only when a listener is attached.</summary>
internal static class AttackInstruments
{
    private static readonly Counter<long> _forwards = ArdirDiagnostics.Meter.CreateCounter<long>(
        "ardir.attack.sample_forwards", "{sample}", "Samples that attacks passed forward through a model.");

    private static readonly Counter<long> _backwards = ArdirDiagnostics.Meter.CreateCounter<long>(
        "ardir.attack.sample_backwards", "{sample}", "Samples that attacks passed backward through a model.");

    public static Activity? Start(IAttack attack, IModule model, Tensor images) => Start("ardir.attack", attack, model, images);

    public static Activity? Start(string activity, IAttack attack, IModule model, Tensor images)
    {
        if (!ArdirDiagnostics.Source.HasListeners()) return null;
        return ArdirDiagnostics.Source.StartActivity(activity)?
            .SetTag("ardir.attack.name", attack.Name)
            .SetTag("ardir.threat", attack.Threat.ToString())
            .SetTag("ardir.samples", images.shape[0])
            .SetTag("ardir.model", IModelWrapper.Unwrap(model).GetType().Name);
    }

    /// <summary>Records the passes of an attack, also of one that was cancelled or failed.</summary>
    public static void Spent(IAttack attack, Activity? activity, GuardedModel guard)
    {
        var (forwards, backwards) = guard.TakeUnrecorded();
        activity?.SetTag("ardir.attack.sample_forwards", forwards).SetTag("ardir.attack.sample_backwards", backwards);
        if (!_forwards.Enabled && !_backwards.Enabled) return;
        var tag = new KeyValuePair<string, object?>("attack", attack.Name);
        if (forwards > 0) _forwards.Add(forwards, tag);
        if (backwards > 0) _backwards.Add(backwards, tag);
    }
}
