using Ardir.Core;

namespace Ardir.Attacks;

// Which samples are broken.
public sealed partial class AttackRun
{
    /// <summary>Which samples are broken according to the logits (untargeted: argmax is not the label; targeted: it is the target). On a
    /// tie the lowest class counts.</summary>
    /// <param name="logits">[n,K].</param>
    /// <returns>bool [n].</returns>
    public Tensor IsAdversarial(Tensor logits) => Verdict.IsBroken(logits, Labels, Targets);

    /// <summary>Which samples are broken at the points of a <see cref="Gradient"/>. Where the search computes in lower precision
    /// (<see cref="AttackContext.SearchPrecision"/>), those that seem broken are asked again in full precision: one forward pass of
    /// these.</summary>
    /// <param name="points">The points, [n,...].</param>
    /// <param name="logits">Their logits from <see cref="Gradient"/>, [n,K].</param>
    /// <returns>bool [n].</returns>
    public Tensor IsAdversarial(Tensor points, Tensor logits)
    {
        ArgumentNullException.ThrowIfNull(points);
        var seems = IsAdversarial(logits);
        if (!SearchesInLowPrecision) return seems;
        using var scope = NewDisposeScope();
        var rows = HostRead.Rows(seems);
        if (rows.numel() == 0) return seems;
        var part = ForLogits(rows);
        var broken = part.IsAdversarial(part.Logits(points.index_select(0, rows)));
        return zeros_like(seems).index_copy_(0, rows, broken).MoveToOuterDisposeScope();
    }

    /// <summary>Margin of the logits, [n,K], with respect to the goal: positive where <see cref="IsAdversarial(Tensor)"/>, zero on the
    /// boundary.</summary>
    /// <param name="logits">[n,K].</param>
    /// <returns>[n].</returns>
    public Tensor Advantage(Tensor logits) => Targets is null
        ? MarginAttackLoss.Margin(logits, Labels)
        : AttackLoss.Margin.Compute(new AttackLossInputs(logits, Labels, Targets, []));

    /// <summary>Whether <see cref="Gradient"/> computes in lower precision than the model.</summary>
    internal bool SearchesInLowPrecision => _attack.AllowsLowPrecision && _model.Low is not null;
}
