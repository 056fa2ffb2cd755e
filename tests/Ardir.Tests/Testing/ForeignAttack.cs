using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>Somebody else's attack, which nothing forces to behave.</summary>
internal sealed class ForeignAttack(ThreatModel threat, Func<IModule, Tensor, Tensor, Tensor> perturb) : IAttack
{
    public string Name => "foreign";

    public ThreatModel Threat => threat;

    public Tensor Perturb(IModule model, Tensor images, Tensor labels, AttackContext? context = null) => perturb(model, images, labels);
}
