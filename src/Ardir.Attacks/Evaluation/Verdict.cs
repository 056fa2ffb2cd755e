using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>
/// The one rule by which every evaluation judges an answer: an image is right when its label has the largest logit, the lowest class
/// winning a tie. A row with NaN has no largest logit; its predicted class is K, which is no label, so it is wrong on a clean image and broken on a point of the threat set.
/// </summary>
internal static class Verdict
{
    /// <summary>The predicted classes of logits [n,K], int64 [n]; K for a row with NaN.</summary>
    public static Tensor Predicted(Tensor logits) => Predictions.Of(logits);

    /// <summary>Which rows of logits [n,K] have their label, int64 [n], right: bool [n].</summary>
    public static Tensor IsRight(Tensor logits, Tensor labels)
    {
        using var predicted = Predicted(logits);
        return predicted == labels;
    }

    /// <summary>Which rows reach the goal of an attack: not their label, or their target where there is one. bool [n].</summary>
    public static Tensor IsBroken(Tensor logits, Tensor labels, Tensor? targets)
    {
        using var predicted = Predicted(logits);
        return targets is null ? predicted != labels : predicted == targets;
    }

    /// <summary>Both on the host: which rows are right, and the predicted classes.</summary>
    public static (bool[] Right, long[] Predicted) Read(Tensor logits, Tensor labels)
    {
        using var predicted = Predicted(logits);
        using var right = predicted == labels;
        return (HostRead.Array<bool>(right), HostRead.Array<long>(predicted));
    }
}
