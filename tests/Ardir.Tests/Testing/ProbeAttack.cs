using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>Gives a test the run that an attack would see.</summary>
internal sealed class ProbeAttack(ThreatModel threat, Func<AttackRun, Tensor> search) : Attack(threat)
{
    public override string Name => "probe";

    protected override Tensor Search(AttackRun run) => search(run);
}
