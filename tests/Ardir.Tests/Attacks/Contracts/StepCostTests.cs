using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>How many tensors a step of an attack creates. Each is at least one call of the native library, which small models notice: a new
/// one must be worth it.</summary>
public sealed class StepCostTests
{
    private static readonly Dictionary<string, Func<ThreatModel, int, IAttack>> _attacks = new()
    {
        ["PGD"] = (threat, steps) => new PgdAttack(threat, new PgdOptions { Steps = steps }),
        ["PGD best"] = (threat, steps) => new PgdAttack(threat, new PgdOptions { Steps = steps, Selection = PgdSelection.BestLoss }),
        ["PGD first"] = (threat, steps) => new PgdAttack(threat, new PgdOptions { Steps = steps, Selection = PgdSelection.FirstSuccess }),
        ["APGD"] = (threat, steps) => new ApgdAttack(threat, new ApgdOptions { Search = new() { Iterations = 10 * steps } }),
        ["Square"] = (threat, steps) => new SquareAttack(threat, new SquareOptions { Queries = 100 * steps, GiveUp = false }),
    };

    [Theory]
    [InlineData("PGD", "Linf", 21)]
    [InlineData("PGD", "L2", 29)]
    [InlineData("PGD", "L1", 42)]
    [InlineData("PGD best", "Linf", 24)]
    [InlineData("PGD best", "L2", 35)]
    [InlineData("PGD best", "L1", 45)]
    [InlineData("PGD first", "Linf", 32)]
    [InlineData("PGD first", "L2", 40)]
    [InlineData("PGD first", "L1", 53)]
    [InlineData("APGD", "Linf", 320)]    // of 10 iterations
    [InlineData("Square", "Linf", 3806)]
    [InlineData("Square", "L1", 7900)]   // of 100 queries, some of which cost less
    public void Step_OfAnAttackThatIsResisted_CreatesNoMoreTensors(string attack, string norm, int most)
    {
        using var model = nn.Sequential(("flat", nn.Flatten()), ("fc", nn.Linear(192, 10)));
        model.load_state_dict(new Dictionary<string, Tensor>
        {
            ["fc.weight"] = TinyModels.Random([10, 192], 1, ScalarType.Float32, -1, 1), ["fc.bias"] = zeros(10),
        });
        model.eval();
        using var images = TinyModels.Random([4, 3, 8, 8], 2, ScalarType.Float32);
        using var labels = model.call(images).argmax(1);
        var threat = norm switch
        {
            "Linf" => ThreatModel.Linf(0.001),
            "L2" => ThreatModel.L2(0.001),
            _ => ThreatModel.L1(0.001),
        };
        long Created(int steps)
        {
            var search = _attacks[attack](threat, steps);
            search.Perturb(model, images, labels).Dispose();
            var statistics = DisposeScopeManager.Statistics;
            statistics.Reset();
            search.Perturb(model, images, labels).Dispose();
            return statistics.TensorStatistics.CreatedInScopeCount + statistics.TensorStatistics.CreatedOutsideScopeCount;
        }

        ((Created(20) - Created(10)) / 10).Should().BeInRange(1, most);
    }
}
