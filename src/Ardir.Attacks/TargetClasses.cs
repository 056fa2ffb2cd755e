namespace Ardir.Attacks;

/// <summary>Which classes a targeted part of an attack aims at.</summary>
internal static class TargetClasses
{
    /// <summary>The class of a rank, from 0, among all classes but the label, largest logit first and ties in the order of the classes:
    /// int64 [n].</summary>
    public static Tensor ByRank(Tensor logits, Tensor labels, int place)
    {
        using var scope = NewDisposeScope();
        var (_, order) = sort(logits, dim: 1, descending: true, stable: true);
        // Exactly one entry per row is removed, so [n,K-1] remain; the label is never among them, even with ties or infinities.
        var others = order[order != labels.unsqueeze(1)].reshape(logits.shape[0], -1);
        return others.select(1, place).clone().MoveToOuterDisposeScope();
    }

    /// <summary>As <see cref="ByRank"/>, but the class of rank 0 where the model rules out the class of the given rank by a logit of
    /// -infinity: no point reaches such a class, and a loss toward it is not finite.</summary>
    public static Tensor Reachable(Tensor logits, Tensor labels, int place)
    {
        using var scope = NewDisposeScope();
        var wanted = ByRank(logits, labels, place);
        var isRuledOut = logits.gather(1, wanted.unsqueeze(1)).squeeze(1) == double.NegativeInfinity;
        return where(isRuledOut, ByRank(logits, labels, 0), wanted).MoveToOuterDisposeScope();
    }
}
