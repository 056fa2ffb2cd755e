using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>L1: a window may exceed the budget; the projection onto ball and box then shrinks the whole perturbation.</summary>
internal sealed class L1SquareMoves(AttackRun run)
    : BumpSquareMoves(run, power: 4, values => values.Sum(Math.Abs))
{
    // A sum in float32 may come out slightly too large, so the target is slightly smaller than the radius.
    private const double Inside = 1 - 1e-6;

    private readonly NormThreatModel _inner = ((NormThreatModel)run.Threat).WithEpsilon(run.Threat.Epsilon * Inside);

    protected override double Radius => Threat.Epsilon * Inside;

    // libtorch's 1-norm is several times slower on a CPU.
    protected override Tensor Length(Tensor values) => values.abs().sum(-1, keepdim: true);

    protected override Tensor Budget(Tensor used, Tensor first, Tensor second) =>
        (Radius - used).clamp_min_(0).div_(Channels).add(first).add_(second).mul_(Channels);

    protected override Tensor Candidate(Tensor images, Tensor delta)
    {
        var candidate = images.to(delta.dtype).add(delta.view(images.shape)).clamp_(0, 1).to(images.dtype);
        if (images.dtype != delta.dtype) return Threat.Project(images, candidate, checkValues: false);
        var length = Length((candidate - images).flatten(1)).squeeze(1);
        var beyond = HostRead.Rows(length > Threat.Epsilon);
        if (beyond.numel() == 0) return candidate;
        // The exact projection of the perturbation before it was clamped to the box.
        var (some, wanted) = (images.index_select(0, beyond), delta.index_select(0, beyond));
        var projected = _inner.Project(some, some + wanted.view(some.shape), checkValues: false);
        return candidate.index_copy_(0, beyond, projected);
    }
}
