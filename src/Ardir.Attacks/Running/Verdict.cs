using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>
/// The rule by which every evaluation decides whether an image is classified correctly: its label has the largest logit, and the
/// lowest class wins a tie. A row with NaN has no largest logit; its predicted class is K, which is not a valid label, so a clean
/// image counts as misclassified and a perturbed one as broken.
/// </summary>
internal static class Verdict
{
    /// <summary>The predicted classes of logits [n,K], int64 [n]; K for a row with NaN.</summary>
    public static Tensor Predicted(Tensor logits) => Predictions.Of(logits);

    /// <summary>Which rows of logits [n,K] predict their label, int64 [n]: bool [n].</summary>
    public static Tensor IsRight(Tensor logits, Tensor labels)
    {
        using var predicted = Predicted(logits);
        return predicted == labels;
    }

    /// <summary>Which rows reach the goal of an attack, that is predict another class than the label or, if given, the target: bool
    /// [n].</summary>
    public static Tensor IsBroken(Tensor logits, Tensor labels, Tensor? targets)
    {
        using var predicted = Predicted(logits);
        return Reaches(predicted, labels, targets);
    }

    /// <summary>On the host: which rows are classified correctly, and the predicted classes.</summary>
    public static (bool[] Right, long[] Predicted) Read(Tensor logits, Tensor labels)
    {
        using var predicted = Predicted(logits);
        using var right = predicted == labels;
        return (HostRead.Array<bool>(right), HostRead.Array<long>(predicted));
    }

    /// <summary>Judges points that an attack found by a fresh forward pass and a check of their distance. Every evaluation and every chain
    /// of attacks decides by this whether an image is broken.</summary>
    /// <param name="model">Counts the pass.</param>
    /// <param name="threat">Where a point must lie to count.</param>
    /// <param name="images">The clean images, [n,C,H,W].</param>
    /// <param name="points">What the attack found, [n,C,H,W].</param>
    /// <param name="goal">True classes, int64 [n], and target classes, int64 [n], or null.</param>
    public static Judgement Judge(
        GuardedModel model, ThreatModel threat, Tensor images, Tensor points, (Tensor Labels, Tensor? Targets) goal)
    {
        var predicted = Predicted(model.Copied(points));
        return new Judgement(predicted, Reaches(predicted, goal.Labels, goal.Targets), threat.Contains(images, points));
    }

    private static Tensor Reaches(Tensor predicted, Tensor labels, Tensor? targets) =>
        targets is null ? predicted != labels : predicted == targets;
}
