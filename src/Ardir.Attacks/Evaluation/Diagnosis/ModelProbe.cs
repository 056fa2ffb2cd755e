using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>Checks a model on the first batch of an evaluation for reasons to doubt its result. The checks never change the
/// evaluation.</summary>
internal sealed class ModelProbe : IDisposable
{
    private const int RepeatedForwards = 5;
    private const double LogitTolerance = 1e-4;
    private const double ProbabilityTolerance = 1e-5;
    private const double HalfProbabilityTolerance = 1e-2;

    private readonly GuardedModel _model;
    private readonly ProbeSettings _settings;
    private readonly AttackContext _context;
    private readonly Tensor _images;
    private readonly Tensor _labels;
    private readonly Tensor _logits;
    private readonly FindingList _findings;

    /// <summary>Runs the checks that the settings ask for.</summary>
    /// <param name="model">The evaluated model, in eval mode; its context is that of the evaluation.</param>
    /// <param name="batch">The first images, their labels, and the model's logits for them: [n,C,H,W], int64 [n], [n,K].</param>
    /// <param name="settings">What to check.</param>
    /// <param name="findings">Receives the findings.</param>
    public ModelProbe(
        GuardedModel model, (Tensor Images, Tensor Labels, Tensor Logits) batch, ProbeSettings settings, FindingList findings)
    {
        (_model, _settings, _findings) = (model, settings, findings);
        _context = model.Context with
        {
            Progress = null, SampleIndices = model.Context.SampleIndices?.Take((int)batch.Images.shape[0]).ToList(),
            Notes = new AttackNotes(),
        };
        // Copies, because the checks after the evaluation still need them when the tensors of the batch are disposed.
        Tensor Kept(Tensor tensor) => tensor.detach().clone().DetachFromDisposeScope();
        (_images, _labels, _logits) = (Kept(batch.Images), Kept(batch.Labels), Kept(batch.Logits));
        try
        {
            using var scope = NewDisposeScope();
            if (settings.Checks >= EvaluationChecks.Free) LookAtAnswers();
            if (settings.Checks >= EvaluationChecks.All) AskAgain();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public long Classes => _logits.shape[1];

    /// <summary>Identifies a model without a state dict by its logits on the first batch; "random" if a second pass gives other
    /// logits.</summary>
    public string Answer()
    {
        using var scope = NewDisposeScope();
        return HostRead.Bool((_model.Copied(_images) == _logits).all()) ? Fingerprint.Of(("logits", _logits)) : "random";
    }

    /// <summary>Checks the gradients once the evaluation has ended, if the settings ask for it.</summary>
    /// <param name="correct">For each image whether the model classified it correctly; the first entries are those of the
    /// batch.</param>
    /// <param name="robust">For each image whether it stayed unbroken.</param>
    public void LookAtGradients(IReadOnlyList<bool> correct, IReadOnlyList<bool> robust)
    {
        if (_settings.Checks < EvaluationChecks.All || _settings.Threat is not { } threat) return;
        using var scope = NewDisposeScope();
        long[] right = [.. Enumerable.Range(0, (int)_images.shape[0]).Where(i => correct[i]).Select(i => (long)i)];
        if (right.Length == 0) return;
        var rows = tensor(right, device: _images.device);
        Tensor Right(Tensor all) => all.index_select(0, rows);
        var context = _context with { SampleIndices = [.. right.Select(row => _context.SampleIndices?[(int)row] ?? row)] };
        var probe = new GradientProbe(_model, (Right(_images), Right(_labels), Right(_logits)), threat, context, _findings);
        probe.Look([.. right.Select(image => robust[(int)image])], _settings.CoversThreat);
    }

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
        if (_model.Model is nn.Module module && module.modules().Prepend(module).Any(child => child.training))
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
            var logits = _model.Copied(_images);
            var unit = Unit(logits);
            // Compared row by row: with one NaN row, a maximum over all rows would be NaN, which no tolerance exceeds.
            if (Right(logits) != right
                || seen.Exists(other => HostRead.Bool((EuclideanLength.Of(unit - other) > LogitTolerance).any())))
                return true;
            seen.Add(unit);
        }
        return false;
    }

    private long Right(Tensor logits) => HostRead.Int64(Verdict.IsRight(logits, _labels).sum());

    // In float64, because the 1e-10 that prevents a division by zero would round to zero in float16.
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
        return HostRead.Double(values.min()) > -ProbabilityTolerance
            && HostRead.Double(values.max()) < 1 + ProbabilityTolerance
            && HostRead.Double((values.sum(1) - 1).abs().max()) < tolerance;
    }

    private bool IsDynamic()
    {
        var fails = FailsInInferenceMode();
        // A model may cache tensors between calls, and autograd refuses those made in inference mode. One more call outside
        // replaces them.
        using (NewDisposeScope()) _model.Copied(_images);
        return fails;
    }

    private bool FailsInInferenceMode()
    {
        using var inference = inference_mode(true);
        try
        {
            // Uses the whole batch, whose shape the model has seen: what it caches for a new shape in inference mode could not be
            // differentiated later. The result is not disposed here, because it may be a tensor that the model keeps.
            _ = _model.Copied(_images);
            return false;
        }
        catch (Exception e) when (
            e is System.Runtime.InteropServices.ExternalException or InvalidOperationException
            && !TorchSharpRuntime.Explains(e))
        {
            return true;
        }
    }

    private void Add(FindingKind kind, string message) => _findings.Add(kind, message);
}
