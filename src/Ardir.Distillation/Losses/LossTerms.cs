namespace Ardir.Distillation;

/// <summary>The value of a loss and of its parts.</summary>
public sealed class LossTerms : IDisposable
{
    /// <summary>Name of the part: mean KL divergence (before weights, after temperature squared).</summary>
    public const string Kl = "kl";

    /// <summary>Name of the part: mean feature distance (before weights). Per layer: <c>lpips/layer</c>.</summary>
    public const string Lpips = "lpips";

    /// <summary>Name of the part: mean cross-entropy with the true labels (before weights).</summary>
    public const string CrossEntropy = "ce";

    /// <summary>Name of the part: share of samples, 0 to 1, whose teacher label was wrong and became one-hot.</summary>
    public const string Replaced = "replaced";

    /// <summary>Name of the part: mean KL(student on the clean image || student on the adversarial one), weighted per sample where the loss
    /// does so.</summary>
    public const string SelfKl = "self-kl";

    /// <summary>Name of the part: mean KL(teacher || student) on clean images, where <see cref="Kl"/> is the one on adversarial
    /// images.</summary>
    public const string CleanKl = "kl/clean";

    /// <summary>Name of the part: mean KL divergence to the ordinarily trained teacher.</summary>
    public const string StandardKl = "kl/standard";

    /// <summary>Name of the part: mean cross-entropy with a teacher's soft labels, temperature squared included.</summary>
    public const string SoftCrossEntropy = "soft-ce";

    /// <summary>Name of the part: mean cross-entropy with the ordinarily trained teacher's soft labels, temperature squared
    /// included.</summary>
    public const string StandardSoftCrossEntropy = "soft-ce/standard";

    /// <summary>Name of the part: MART's mean of -log(1 - probability of the most probable wrong class).</summary>
    public const string Margin = "margin";

    /// <summary>Name of the part: IAD's mean trust in its teacher, 0 to 1.</summary>
    public const string Trust = "trust";

    /// <summary>Name of the part: FitNets' mean distance of the hint layers, summed over the layers.</summary>
    public const string Hint = "hint";

    /// <summary>Creates the terms. Takes ownership of the tensors.</summary>
    /// <param name="total">Scalar to call <c>backward()</c> on.</param>
    /// <param name="parts">Named scalars without gradient, for logs.</param>
    public LossTerms(Tensor total, IReadOnlyDictionary<string, Tensor>? parts = null)
    {
        ArgumentNullException.ThrowIfNull(total);
        Total = total;
        Parts = parts ?? new Dictionary<string, Tensor>();
    }

    /// <summary>The scalar to minimise, with its graph.</summary>
    public Tensor Total { get; }

    /// <summary>The parts by name: scalars without gradient, still on the device (reading one waits for the device).</summary>
    public IReadOnlyDictionary<string, Tensor> Parts { get; }

    /// <summary>Disposes all tensors.</summary>
    public void Dispose()
    {
        Total.Dispose();
        foreach (var part in Parts.Values) part.Dispose();
    }
}
