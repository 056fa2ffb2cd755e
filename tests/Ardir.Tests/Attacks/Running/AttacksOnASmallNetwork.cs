using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>A small network in eval mode and float64, images that it is right on, and attacks of every kind.</summary>
public abstract class AttacksOnASmallNetwork : IDisposable
{
    private readonly DisposeScope _scope = NewDisposeScope();

    protected AttacksOnASmallNetwork(int count)
    {
        Images = TinyModels.Random([count, 1, 8, 8], 2);
        Network.to(ScalarType.Float64);
        Network.eval();
        Labels = TinyModels.Predicted(Network, Images);
    }

    protected static NormThreatModel Threat { get; } = ThreatModel.Linf(0.1);

    protected nn.Module<Tensor, Tensor> Network { get; } = TrainingWorld.Network(3);

    protected Tensor Images { get; }

    protected Tensor Labels { get; }

    public void Dispose()
    {
        Network.Dispose();
        _scope.Dispose();
        GC.SuppressFinalize(this);
    }

    protected static IAttack Make(string name) => name switch
    {
        "PGD" => new PgdAttack(Threat, new PgdOptions { Steps = 5 }),
        "restarts" => new PgdAttack(Threat, new PgdOptions { Steps = 3, Restarts = 2, Selection = PgdSelection.FirstSuccess }),
        "CW" => new CarliniWagnerAttack(ThreatModel.L2(0.4), new CarliniWagnerOptions { SearchSteps = 2, Iterations = 4 }),
        "APGD" => new ApgdAttack(Threat, new ApgdOptions { Search = new() { Iterations = 8 } }),
        "APGD-T" => new TargetedApgdAttack(Threat, new TargetedApgdOptions { Search = new() { Iterations = 6 }, Classes = 2 }),
        "FAB-T" => new TargetedFabAttack(Threat, new TargetedFabOptions { Search = new() { Iterations = 5 }, Classes = 2 }),
        "Square" => new SquareAttack(Threat, new SquareOptions { Queries = 30 }),
        "EoT" => new EotAttack(new PgdAttack(Threat, new PgdOptions { Steps = 3 }), 2),
        "chain" => new WorstCaseAttack("chain", Make("PGD"), Make("Square")),
        _ => new AutoAttack(Threat, new AutoAttackOptions { Version = AutoAttackVersion.Custom, Attacks = [Make("APGD"), Make("Square"), Make("PGD")] }),
    };
}
