using System.Runtime.CompilerServices;
using Ardir.Core;
using Microsoft.Extensions.Logging;

namespace Ardir.Attacks;

/// <summary>
/// What attacks notice about a model (NaN logits, NaN or infinite gradients, gradients of exactly zero) and about a threat model of your
/// own (points outside of it, although they were projected). It is collected on the device over
/// many attacks and read when <see cref="Report"/> is called, because a training loop that attacks in every step should not wait for the
/// device in every step. Pass it on as <see cref="AttackContext.Diagnostics"/>. (A missing gradient needs no reading: the attack throws at
/// once.) For one thread at a time.
/// </summary>
/// <example><code>
/// using var diagnostics = new AttackDiagnostics();
/// for (var step = 0; step &lt; steps; step++)
/// {
///     var context = new AttackContext { Seed = (ulong)step, Checked = batch, Diagnostics = diagnostics };
///     using Tensor adversarial = attack.Perturb(student, images, labels, context);
///     // ...
///     if (step % 10 == 0) diagnostics.Report(logger);
/// }
/// </code></example>
public sealed class AttackDiagnostics : IDisposable
{
    private static readonly long[] _ofAll = [0];

    // Does not keep the models alive.
    private readonly ConditionalWeakTable<IModule, object> _compared = [];
    private readonly Lock _lock = new();
    private Tensor? _badGradient;
    private Tensor? _nanLogits;
    private Tensor? _zeroGradients;   // int64, how many images
    private readonly Dictionary<string, Tensor> _outside = [];   // int64, how many images, by what to say about them

    /// <summary>Whether the first attack on each model looks whether the model changes its input in place, which reads one number. Once is
    /// enough, because such a model does so in every call.</summary>
    /// <value>true by default.</value>
    public bool ComparesInputs { get; init; } = true;

    /// <summary>Throws or warns as an attack by itself would have, about all attacks since the last call. Reads the host once.</summary>
    /// <param name="logger">Receives the warning about gradients of exactly zero, with the number of images; null drops it.</param>
    /// <exception cref="InvalidOperationException">Logits were NaN, gradients were NaN or infinite, or images were outside of the threat
    /// set.</exception>
    public void Report(ILogger? logger = null)
    {
        ReportModels(logger);
        ReportOutside();
    }

    /// <summary>Notes, on the device, whether what an attack returned lies in its threat set, and has <see cref="Report"/> throw if it does
    /// not. Attacks derived from <see cref="Attack"/> do this themselves; call it for an <see cref="IAttack"/> of somebody else.</summary>
    /// <param name="attack">Its name, for the message.</param>
    /// <param name="threat">The threat model that it states.</param>
    /// <param name="images">The clean images, [N,...].</param>
    /// <param name="found">What it returned for them, [N,...].</param>
    public void Check(string attack, ThreatModel threat, Tensor images, Tensor found)
    {
        ArgumentNullException.ThrowIfNull(attack);
        ArgumentNullException.ThrowIfNull(threat);
        ArgumentNullException.ThrowIfNull(images);
        ArgumentNullException.ThrowIfNull(found);
        AddOutside(threat, images, found, $"by the attack {attack}, although that is the threat model it states. Let it return "
            + "Threat.Project(images, found), without NaN.");
    }

    /// <summary>Notes whether points lie in a threat set.</summary>
    /// <param name="threat">The threat model.</param>
    /// <param name="images">The clean images.</param>
    /// <param name="found">The points.</param>
    /// <param name="remedy">Where they come from and what to do.</param>
    internal void AddOutside(ThreatModel threat, Tensor images, Tensor found, string remedy)
    {
        using var turn = _lock.EnterScope();
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var outside = threat.Contains(images, found).logical_not().sum();
        var text = $"outside of the threat model {threat} were returned {remedy}";
        if (_outside.TryGetValue(text, out var sum)) sum.add_(outside);
        else _outside.Add(text, outside.DetachFromDisposeScope());
    }

    private void ReportOutside()
    {
        if (_outside.Count == 0) return;
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var counts = HostRead.Array<long>(stack(_outside.Values.ToList()));
        var texts = _outside.Keys.ToList();
        ClearOutside();
        var first = Array.FindIndex(counts, count => count != 0);
        if (first >= 0) throw new InvalidOperationException($"{counts[first]} images {texts[first]}");
    }

    private void ReportModels(ILogger? logger)
    {
        if (_nanLogits is null) return;
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var never = zeros_like(_nanLogits, ScalarType.Int64);
        var (bad, nan) = ((_badGradient ?? never).to(ScalarType.Int64), _nanLogits.to(ScalarType.Int64));
        var counts = HostRead.Array<long>(stack([bad, nan, _zeroGradients ?? never]));
        Clear();
        Throw(badGradient: counts[0] != 0, nanLogits: counts[1] != 0);
        if (counts[2] != 0 && logger is not null)
            AttackLog.ZeroGradientInTraining(logger, counts[2], EvaluationTexts.ZeroGradientAdvice);
    }

    /// <summary>Whether logits were NaN, or gradients NaN or infinite, since the last call, for a loop that leaves such a step out. Reads
    /// the host once. Gradients of zero, which only cause a warning, are kept for <see cref="Report"/>.</summary>
    /// <returns>Whether they were; they are forgotten then.</returns>
    public bool TakeBroken()
    {
        if (_nanLogits is null) return false;
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var broken = HostRead.Bool(_badGradient is null ? _nanLogits : _nanLogits.logical_or(_badGradient));
        _nanLogits.zero_();
        _badGradient?.zero_();
        return broken;
    }

    /// <summary>Forgets what was collected.</summary>
    public void Dispose()
    {
        Clear();
        ClearOutside();
    }

    /// <summary>Whether the caller should compare the inputs of a model before and after a call; true at most once for a model.</summary>
    internal bool TakeComparison(IModule model) => ComparesInputs && _compared.TryAdd(model, this);

    /// <summary>Adds what one run noticed.</summary>
    /// <param name="badGradient">bool scalar, or null.</param>
    /// <param name="nanLogits">bool scalar, or null.</param>
    /// <param name="zeroGradients">[N], non-zero for every image whose gradient was exactly zero somewhere, or null.</param>
    internal void Add(Tensor? badGradient, Tensor? nanLogits, Tensor? zeroGradients)
    {
        // The shards of an attack add what they noticed from several threads.
        using var turn = _lock.EnterScope();
        using var scope = NewDisposeScope();
        // Once logits were NaN, bad gradients follow from that; only those that came before are a cause.
        if (badGradient is not null)
            Collect(ref _badGradient, _nanLogits is null ? badGradient : badGradient.logical_and(_nanLogits.logical_not()));
        if (nanLogits is not null) Collect(ref _nanLogits, nanLogits);
        if (zeroGradients is null) return;
        var images = zeroGradients.count_nonzero(_ofAll);
        if (_zeroGradients is null) _zeroGradients = images.DetachFromDisposeScope();
        else _zeroGradients.add_(images);
    }

    internal static void Throw(bool badGradient, bool nanLogits)
    {
        if (badGradient)
        {
            throw new InvalidOperationException(
                "The gradient of the loss to the images is NaN or infinite although no logit is NaN: a square root or norm at zero " +
                "inside the model, most likely, or infinite logits.");
        }
        if (nanLogits)
        {
            throw new InvalidOperationException(
                "The model returned NaN logits. No attack can judge such a model: look for a division by zero, a log of zero or exploded " +
                "weights.");
        }
    }

    /// <summary>Records that a flag was raised, outside the dispose scopes of single steps, which end before it is read.</summary>
    internal static void Collect(ref Tensor? flag, Tensor value)
    {
        if (flag is null) flag = value.clone().DetachFromDisposeScope();
        else flag.logical_or_(value);
    }

    private void Clear()
    {
        _badGradient?.Dispose();
        _nanLogits?.Dispose();
        _zeroGradients?.Dispose();
        (_badGradient, _nanLogits, _zeroGradients) = (null, null, null);
    }

    private void ClearOutside()
    {
        foreach (var count in _outside.Values) count.Dispose();
        _outside.Clear();
    }
}
