using System.Collections.Concurrent;
using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>Several threads attack one model that is in eval mode: what docs/hosting.md promises.</summary>
public sealed class SharedModelTests
{
    [Fact]
    public void SeveralThreads_OneModelInEvalMode_EachFindsWhatItFindsAlone_AndNoModeIsSwitched()
    {
        using var scope = NewDisposeScope();
        using var inner = TinyModels.Smooth();
        var modes = new ConcurrentDictionary<bool, int>();
        using var model = new FuncModel(x => { modes[inner.modules().Any(module => module.training)] = 1; return inner.call(x); }, inner);
        model.eval();
        var images = TinyModels.Images(6);
        var labels = TinyModels.Predicted(inner, images);
        IAttack[] attacks =
        [
            new PgdAttack(ThreatModel.Linf(0.1), new PgdOptions { Steps = 5 }), new ApgdAttack(ThreatModel.L2(0.4), new ApgdOptions { Search = new() { Iterations = 8 } }),
            new SquareAttack(ThreatModel.L1(2), new SquareOptions { Queries = 20 }), new TargetedFabAttack(ThreatModel.L2(1.6), new TargetedFabOptions { Search = new() { Iterations = 5 } }),
        ];
        string Find(IAttack attack)
        {
            using var found = attack.Perturb(model, images, labels);
            return Fingerprint.Of(("found", found));
        }
        var alone = attacks.Select(Find).ToList();
        var together = new ConcurrentDictionary<(int Attack, int Round), string>();
        var threads = attacks.Select((attack, i) => new Thread(() => { for (var round = 0; round < 3; round++) together[(i, round)] = Find(attack); })).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
        together.Should().HaveCount(3 * attacks.Length);
        foreach (var ((attack, _), found) in together) found.Should().Be(alone[attack]);
        modes.Keys.Should().Equal(false);
    }
}
