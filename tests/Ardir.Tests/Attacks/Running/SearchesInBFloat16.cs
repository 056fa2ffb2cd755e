using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>A small network in eval mode and float32, images that it is right on, and attacks that may follow gradients in bfloat16.</summary>
public abstract class SearchesInBFloat16 : IDisposable
{
    private readonly DisposeScope _scope = NewDisposeScope();

    protected SearchesInBFloat16()
    {
        Network.eval();
        Labels = TinyModels.Predicted(Network, Images);
    }

    protected static NormThreatModel Threat { get; } = ThreatModel.Linf(0.1);

    protected static AttackContext Low { get; } = new() { SearchPrecision = SearchPrecision.BFloat16 };

    protected nn.Module<Tensor, Tensor> Network { get; } = TrainingWorld.Network(3);

    protected Tensor Images { get; } = TinyModels.Images(6);

    protected Tensor Labels { get; }

    public void Dispose()
    {
        Network.Dispose();
        _scope.Dispose();
        GC.SuppressFinalize(this);
    }

    protected static IAttack Make(string name) => name switch
    {
        "FGSM" => new FgsmAttack(Threat),
        "MI-FGSM" => new MiFgsmAttack(Threat, new MiFgsmOptions { Steps = 4 }),
        "PGD" => new PgdAttack(Threat, new PgdOptions { Steps = 4 }),
        "PGD until broken" => new PgdAttack(Threat, new PgdOptions { Steps = 4, Selection = PgdSelection.FirstSuccess }),
        "APGD" => new ApgdAttack(Threat, new ApgdOptions { Search = new() { Iterations = 6 } }),
        "APGD-T" => new TargetedApgdAttack(Threat, new TargetedApgdOptions { Classes = 2, Search = new() { Iterations = 6 } }),
        "FAB" => new FabAttack(Threat, new FabOptions { Iterations = 4 }),
        "DeepFool" => new DeepFoolAttack(ThreatModel.L2(1)),
        "CW" => new CarliniWagnerAttack(ThreatModel.L2(1), new CarliniWagnerOptions { Iterations = 4, SearchSteps = 1 }),
        _ => new SquareAttack(Threat, new SquareOptions { Queries = 10 }),
    };

    // A processor that computes such a model wrongly refuses it, and nothing else can be tested with it.
    protected void SkipWhereWrong() => SkipWhereWrong(Network);

    protected static void SkipWhereWrong(IModule model)
    {
        if (ConvolutionCheck.Find(model, ScalarType.BFloat16) is { } problem) throw new SkipTestException(problem);
    }
}
