using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>Looks at a model before an evaluation for reasons to doubt its result. All on the first batch, never changing the
/// evaluation.</summary>
internal sealed class ModelProbe : IDisposable
{
    private const int RepeatedForwards = 5;
    private const double LogitTolerance = 1e-4;
    private const double ProbabilityTolerance = 1e-5;
    private const double HalfProbabilityTolerance = 1e-2;

    private readonly IModule _model;
    private readonly ProbeSettings _settings;
    private readonly AttackContext _context;
    private readonly Tensor _images;
    private readonly Tensor _labels;
    private readonly Tensor _logits;
    private readonly FindingList _findings;

    /// <summary>Looks at the model as closely as the settings say.</summary>
    /// <param name="model">In eval mode.</param>
    /// <param name="batch">The first images, their labels, and what the model said about them: [n,C,H,W], int64 [n], [n,K].</param>
    /// <param name="settings">What to look at.</param>
    /// <param name="context">Of the evaluation.</param>
    /// <param name="findings">Takes what is found.</param>
    public ModelProbe(
        IModule model, (Tensor Images, Tensor Labels, Tensor Logits) batch, ProbeSettings settings, AttackContext context, FindingList findings)
    {
        (_model, _settings, _findings) = (model, settings, findings);
        _context = context with
        {
            Progress = null, SampleIndices = context.SampleIndices?.Take((int)batch.Images.shape[0]).ToList(), Notes = new AttackNotes(),
        };
        // Copies, which live as long as the evaluation: a batch ends before it.
        Tensor Kept(Tensor tensor) => tensor.detach().clone().DetachFromDisposeScope();
        (_images, _labels, _logits) = (Kept(batch.Images), Kept(batch.Labels), Kept(batch.Logits));
        using var scope = NewDisposeScope();
        if (settings.Depth >= ProbeDepth.Free) LookAtAnswers();
        if (settings.Depth >= ProbeDepth.All) AskAgain();
    }

    public long Classes => _logits.shape[1];

    /// <summary>Asks a model for the first time about images, [n,C,H,W], and refuses what is no answer.</summary>
    /// <returns>Logits, [n,K].</returns>
    public static Tensor Ask(IModule model, Tensor images)
    {
        var logits = InputWatch.Watched(images, () => ModelOracle.Call(model, images));
        LogitsGuard.Check(logits, images, classes: 0);
        return logits.detach();
    }

    /// <summary>Stands for a model that shows no weights: what it says about the first batch, if it says it twice.</summary>
    public string Answer()
    {
        using var scope = NewDisposeScope();
        return HostRead.Bool((Call(_images) == _logits).all()) ? Fingerprint.Of(("logits", _logits)) : "random";
    }

    /// <summary>Looks at the gradients once the evaluation has ended, where the settings ask for it.</summary>
    /// <param name="correct">For each image whether the model was right; the first are those of the batch.</param>
    /// <param name="robust">For each image whether it stayed unbroken.</param>
    public void LookAtGradients(IReadOnlyList<bool> correct, IReadOnlyList<bool> robust)
    {
        if (_settings.Depth < ProbeDepth.All || _settings.Threat is not { } threat) return;
        using var scope = NewDisposeScope();
        long[] right = [.. Enumerable.Range(0, (int)_images.shape[0]).Where(i => correct[i]).Select(i => (long)i)];
        if (right.Length == 0) return;
        var rows = tensor(right, device: _images.device);
        Tensor Right(Tensor all) => all.index_select(0, rows);
        var context = _context with { SampleIndices = [.. right.Select(row => _context.SampleIndices?[(int)row] ?? row)] };
        var probe = new GradientProbe(this, threat, context, _findings, Right(_images), Right(_labels), Right(_logits));
        probe.Look([.. right.Select(image => robust[(int)image])], _settings.CoversThreat);
    }

    /// <summary>Asks the model, and refuses what is no answer.</summary>
    internal Tensor Call(Tensor images)
    {
        _context.CancellationToken.ThrowIfCancellationRequested();
        // A copy, because a model may normalise in place what it is given.
        var copy = images.clone();
        var logits = ModelOracle.Call(_model, copy);
        LogitsGuard.Check(logits, copy, Classes);
        if (!ReferenceEquals(logits, copy)) copy.Dispose();
        return logits;
    }

    internal IModule Model => _model;

    public void Dispose()
    {
        _images.Dispose();
        _labels.Dispose();
        _logits.Dispose();
    }

    private void LookAtAnswers()
    {
        if (AreProbabilities())
            Add(FindingKind.Probabilities,
                "Every row of the model's output lies in [0,1] and sums to 1: these are probabilities. Return the logits before the " +
                "softmax; its saturation hides the gradients.");
        if (Classes < _settings.ClassesNeeded)
            Add(FindingKind.FewClasses,
                $"The model has {Classes} classes; the losses of these attacks need {_settings.ClassesNeeded}. Their replacements for " +
                "fewer classes ran, so the number is not comparable with published ones.");
        if (_model is nn.Module module && module.modules().Prepend(module).Any(child => child.training))
            Add(FindingKind.TrainMode,
                "A module stays in train mode after eval() was called on the model, because it overrides train(). Dropout or batch " +
                "statistics make the result depend on the batch.");
    }

    private void AskAgain()
    {
        if (!_settings.ExpectsNoise && IsRandomized())
            Add(FindingKind.Randomized,
                $"{RepeatedForwards} forward passes of the same images differ: the model is randomised, and one pass cannot judge an " +
                "image. Use AutoAttackVersion.Rand.");
        if (IsDynamic())
            Add(FindingKind.DynamicModel,
                "The model cannot run inside torch.inference_mode(): it seems to compute gradients while it predicts. Standard " +
                "attacks do not adapt to a defence that optimises at test time.");
    }

    private bool IsRandomized()
    {
        var seen = new List<Tensor> { Unit(_logits) };
        var right = Right(_logits);
        for (var i = 1; i < RepeatedForwards; i++)
        {
            var logits = Call(_images);
            var unit = Unit(logits);
            // Row by row: a maximum over rows would be NaN, and no noise at all, as soon as one of them is.
            if (Right(logits) != right || seen.Exists(other => HostRead.Bool((EuclideanLength.Of(unit - other) > LogitTolerance).any()))) return true;
            seen.Add(unit);
        }
        return false;
    }

    private long Right(Tensor logits) => HostRead.Int64(Verdict.IsRight(logits, _labels).sum());

    // In float64, where the smallest divisor does not round to zero.
    private static Tensor Unit(Tensor logits)
    {
        var precise = logits.to(ScalarType.Float64);
        return precise / (EuclideanLength.Of(precise, keepDimension: true) + 1e-10);
    }

    private bool AreProbabilities()
    {
        var values = _logits.to(ScalarType.Float64);
        // Rounding to half precision alone moves the sum of a row by more than the usual tolerance.
        var tolerance = _logits.dtype is ScalarType.Float16 or ScalarType.BFloat16 ? HalfProbabilityTolerance : ProbabilityTolerance;
        return HostRead.Double(values.min()) > -ProbabilityTolerance && HostRead.Double(values.max()) < 1 + ProbabilityTolerance && HostRead.Double((values.sum(1) - 1).abs().max()) < tolerance;
    }

    private bool IsDynamic()
    {
        var fails = FailsInInferenceMode();
        // Once more outside: what a model keeps from one call to the next must not be a tensor that gradients refuse.
        using (NewDisposeScope()) Call(_images);
        return fails;
    }

    private bool FailsInInferenceMode()
    {
        using var inference = inference_mode(true);
        try
        {
            // All of the batch, whose shape the model knows by now: what it might keep for a new shape could not be differentiated later.
            // Left to the scope: the tensor may be one that the model keeps.
            _ = Call(_images);
            return false;
        }
        catch (Exception e) when (e is System.Runtime.InteropServices.ExternalException or InvalidOperationException && !NativeCallGuard.OfProcess.Explains(e))
        {
            return true;
        }
    }

    private void Add(FindingKind kind, string message) => _findings.Add(kind, message);
}
