using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>L2: the perturbation is always scaled to the full radius.</summary>
internal sealed class L2SquareMoves(AttackRun run)
    : BumpSquareMoves(run, power: 2, values => Math.Sqrt(values.Sum(value => value * value)))
{
    protected override Tensor Length(Tensor values) => EuclideanLength.Of(values, dimension: -1, keepDimension: true);

    protected override Tensor Budget(Tensor used, Tensor first, Tensor second)
    {
        var unused = (Threat.Epsilon * Threat.Epsilon - used.square()).clamp_min_(0).div_(Channels);
        return unused.add(first.square()).add_(second.square()).sqrt_();
    }

    protected override Tensor Candidate(Tensor images, Tensor delta)
    {
        var scale = Threat.Epsilon / Length(delta).clamp_min_(1e-12);
        if (images.dtype == delta.dtype) return addcmul(images, delta.view(images.shape), scale.view(-1, 1, 1, 1), 1).clamp_(0, 1);
        // Half precision: rounding must not leave the ball.
        var candidate = images.to(delta.dtype).add_(delta.mul_(scale).view(images.shape)).clamp_(0, 1).to(images.dtype);
        return Threat.Project(images, candidate, checkValues: false);
    }
}
