using Ardir.Core;
using Microsoft.Extensions.Logging;

namespace Ardir.Attacks;

/// <summary>
/// What attacks noticed about a model (NaN logits, NaN or infinite gradients, gradients of exactly zero for some images), collected on the
/// device over many runs and read once: a trainer that attacks at every step must not wait for the device at every step.
/// </summary>
internal sealed class SoundnessWatch : IDisposable
{
    private static readonly long[] _ofAll = [0];

    private Tensor? _badGradient;
    private Tensor? _nanLogits;
    private Tensor? _zeroGradients;   // int64, how many images

    /// <summary>Whether attacks look for a model that changes its input in place, as they do outside of training. That waits for the
    /// device, so a trainer asks for it in its first step only: such a model changes its input in every call.</summary>
    public bool ComparesInputs { get; set; }

    /// <summary>Adds what one run noticed.</summary>
    /// <param name="badGradient">bool scalar, or null.</param>
    /// <param name="nanLogits">bool scalar, or null.</param>
    /// <param name="zeroGradients">[N], non-zero for every image whose gradient was exactly zero somewhere, or null.</param>
    public void Add(Tensor? badGradient, Tensor? nanLogits, Tensor? zeroGradients)
    {
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

    /// <summary>Throws or warns as a single attack would have, with one read from the device, and resets.</summary>
    /// <exception cref="InvalidOperationException">Logits were NaN, or gradients were NaN or infinite.</exception>
    public void Read(ILogger logger)
    {
        if (_nanLogits is null) return;
        using var scope = NewDisposeScope();
        var never = zeros_like(_nanLogits, ScalarType.Int64);
        var (bad, nan) = ((_badGradient ?? never).to(ScalarType.Int64), _nanLogits.to(ScalarType.Int64));
        var counts = HostRead.Array<long>(stack([bad, nan, _zeroGradients ?? never]));
        Clear();
        Throw(badGradient: counts[0] != 0, nanLogits: counts[1] != 0);
        if (counts[2] != 0) AttackLog.ZeroGradientInTraining(logger, counts[2], EvaluationTexts.ZeroGradientAdvice);
    }

    /// <summary>Whether logits were NaN, or gradients NaN or infinite, with one read from the device; both are then reset. Zero gradients,
    /// which only cause a warning, are kept for <see cref="Read"/>.</summary>
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

    public void Dispose() => Clear();

    public static void Throw(bool badGradient, bool nanLogits)
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
    public static void Collect(ref Tensor? flag, Tensor value)
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
}
