using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>Result of an ensemble, image by image, with the contribution of each attack. Owns its tensors: they outlive the dispose
/// scope in which the evaluation ran and are disposed with the report.</summary>
public sealed class RobustnessReport : IDisposable
{
    private const double Quantile = 1.959963984540054;   // of the normal distribution, for 95 %

    private readonly Tensor _images;
    private readonly Tensor _labels;
    private readonly Tensor _adversarial;
    private bool _disposed;

    internal RobustnessReport(ReportData data, Tensor images, Tensor labels, Tensor adversarial)
    {
        Data = data;
        _images = images.DetachFromDisposeScope();
        _labels = labels.DetachFromDisposeScope();
        _adversarial = adversarial.DetachFromDisposeScope();
    }

    /// <summary>Share of all images that the model gets right, 0 to 1.</summary>
    public double CleanAccuracy => Data.Correct.Count(right => right) / (double)Count;

    /// <summary>Share of all images that the model gets right and no attack broke, 0 to 1: the worst case image by image.</summary>
    public double RobustAccuracy => Data.Robust.Count(right => right) / (double)Count;

    /// <summary>95 % confidence interval of the robust accuracy (Wilson), taking the images as a random sample.</summary>
    public (double Low, double High) ConfidenceInterval
    {
        get
        {
            var (n, p) = ((double)Count, RobustAccuracy);
            var centre = p + Quantile * Quantile / (2 * n);
            var half = Quantile * Math.Sqrt(p * (1 - p) / n + Quantile * Quantile / (4 * n * n));
            var scale = 1 + Quantile * Quantile / n;
            // When all images agree, the end of the interval is exactly 0 or 1, which rounding errors would miss.
            return (p == 0 ? 0 : Math.Max(0, (centre - half) / scale), p == 1 ? 1 : Math.Min(1, (centre + half) / scale));
        }
    }

    /// <summary>The attacks in the order they ran.</summary>
    public IReadOnlyList<AttackSummary> Attacks => Data.Attacks;

    /// <summary>For each image whether the model is right on it and no attack broke it.</summary>
    public IReadOnlyList<bool> Robust => Data.Robust;

    /// <summary>For each image whether the model is right on the clean image.</summary>
    public IReadOnlyList<bool> Correct => Data.Correct;

    /// <summary>For each image the name of the attack that broke it; null for robust images and those misclassified when
    /// clean.</summary>
    public IReadOnlyList<string?> BrokenBy => [.. Data.BrokenBy.Select(attack => attack < 0 ? null : Data.Attacks[attack].Name)];

    /// <summary>The class that the model predicts for each image of <see cref="Adversarial"/>; where its logits are NaN, the number of
    /// classes, which is not a valid class.</summary>
    public IReadOnlyList<long> Predictions => Data.Predictions;

    /// <summary>[N,C,H,W] like the images: the adversarial image where an attack succeeded, the clean image elsewhere.</summary>
    /// <exception cref="ObjectDisposedException">The report has been disposed.</exception>
    public Tensor Adversarial => Alive(_adversarial);

    /// <summary>The clean images, sharing memory with the caller's.</summary>
    /// <exception cref="ObjectDisposedException">The report has been disposed.</exception>
    public Tensor Images => Alive(_images);

    /// <summary>The true classes, sharing memory with the caller's.</summary>
    /// <exception cref="ObjectDisposedException">The report has been disposed.</exception>
    public Tensor Labels => Alive(_labels);

    /// <summary>Reasons to doubt the result, found by the evaluation itself.</summary>
    public IReadOnlyList<EvaluationFinding> Findings => Data.Findings;

    /// <summary>What the attacks had spent and found after each batch, in order: it shows what the last half of the cost bought. The last
    /// point has the robust accuracy of the report. Empty if there was nothing to attack; without the security curve.</summary>
    public IReadOnlyList<BudgetPoint> BudgetCurve => Data.Budget;

    /// <summary>Norm and budget.</summary>
    public ThreatModel Threat => Data.Threat;

    /// <summary>The version of the ensemble.</summary>
    public AutoAttackVersion Version => Data.Version;

    /// <summary>On how many survivors Square ran, and what may have escaped it, of <see cref="AutoAttackVersion.Fast"/>; null for the
    /// other versions.</summary>
    public SquareSample? SquareSample => Data.SquareSample;

    /// <summary>Seed of the options; with <see cref="ContextSeed"/> the root of all random numbers.</summary>
    public ulong Seed => Data.Seed;

    /// <summary>Seed of the context.</summary>
    public ulong ContextSeed => Data.ContextSeed;

    /// <summary>How many classes the model has.</summary>
    public int Classes => Data.Classes;

    /// <summary>How many images.</summary>
    public int Count => Data.Robust.Length;

    /// <summary>Disposes the tensors; the numbers stay.</summary>
    public void Dispose()
    {
        _disposed = true;
        _images.Dispose();
        _labels.Dispose();
        _adversarial.Dispose();
    }

    internal ReportData Data { get; }

    private Tensor Alive(Tensor tensor)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return tensor;
    }
}
