using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>Every attack that must keep the contract; add a row to put an attack under all of <see cref="AttackContractTests"/>.</summary>
public static class AttackCases
{
    private static readonly Dictionary<string, Func<IAttack>> _all = Build();

    /// <summary>The rows by name, which is what xunit can show and serialize.</summary>
    public static TheoryData<string> Names => [.. _all.Keys];

    public static IEnumerable<string> All => _all.Keys;

    public static IAttack Create(string name) => _all[name]();

    private static Dictionary<string, Func<IAttack>> Build()
    {
        var all = new Dictionary<string, Func<IAttack>>();
        foreach (var threat in new[] { ThreatModel.Linf(0.1), ThreatModel.L2(0.4), ThreatModel.L1(1.2) })
        {
            all[$"FGSM {threat.Norm}"] = () => new FgsmAttack(threat);
            all[$"FGSM {threat.Norm} random start"] = () => new FgsmAttack(threat, new FgsmOptions { Start = RandomStart.Uniform });
            foreach (var selection in Enum.GetValues<PgdSelection>())
                foreach (var restarts in new[] { 1, 3 })
                    all[$"PGD {threat.Norm} {selection} x{restarts}"] = () => new PgdAttack(
                        threat, new PgdOptions { Steps = 4, Selection = selection, Restarts = restarts, SparseFraction = 0.2 });
            all[$"PGD {threat.Norm} EoT"] = () => new EotAttack(new PgdAttack(threat, new PgdOptions { Steps = 4 }), 2);
            all[$"FGSM {threat.Norm} EoT"] = () => new EotAttack(new FgsmAttack(threat), 3);
            all[$"MI-FGSM {threat.Norm}"] = () => new MiFgsmAttack(threat, new MiFgsmOptions { Steps = 4 });
            AddApgd(all, threat);
            all[$"PGD {threat.Norm} unclamped DLR"] = () => new PgdAttack(
                threat, new PgdOptions { Steps = 4, Start = RandomStart.UniformUnclamped, Loss = AttackLoss.Dlr });
        }
        // These return an image as it was unless they break it, so the balls are wide enough for that.
        foreach (var threat in new[] { ThreatModel.Linf(0.4), ThreatModel.L2(1.6), ThreatModel.L1(5) })
        {
            all[$"FAB {threat.Norm} x2"] = () => new FabAttack(threat, new FabOptions { Iterations = 6, Restarts = 2 });
            all[$"FAB {threat.Norm} nearest"] = () => new FabAttack(threat, new FabOptions { Iterations = 6, MinimiseNorm = true, FinalSearch = true });
            all[$"FAB-T {threat.Norm}"] = () => new TargetedFabAttack(threat, new TargetedFabOptions { Search = new() { Iterations = 6 } });
            all[$"FAB-T {threat.Norm} x2 nearest"] = () => new TargetedFabAttack(
                threat, new TargetedFabOptions { Search = new() { Iterations = 6, Restarts = 2, MinimiseNorm = true }, Classes = 2 });
            foreach (var official in new[] { false, true })
                all[$"Square {threat.Norm} official {official}"] = () => new SquareAttack(threat, new SquareOptions { Queries = 40, OfficialWindows = official });
            all[$"Square {threat.Norm} x2 cross-entropy EoT"] = () => new EotAttack(new SquareAttack(
                threat, new SquareOptions { Queries = 12, Restarts = 2, RescaleSchedule = true, Loss = AttackLoss.CrossEntropy }), 2);
        }
        foreach (var threat in new[] { ThreatModel.Linf(0.1), ThreatModel.L2(0.4) })
            all[$"chain {threat.Norm}"] = () => new WorstCaseAttack(
                "chain", new FgsmAttack(threat), new PgdAttack(threat, new PgdOptions { Steps = 3, Loss = AttackLoss.Dlr }), new ApgdAttack(threat, new ApgdOptions { Search = new() { Iterations = 6 } }));
        all["DeepFool"] = () => new DeepFoolAttack(ThreatModel.L2(0.4), new DeepFoolOptions { Iterations = 5, Classes = 3 });
        all["CW"] = () => new CarliniWagnerAttack(
            ThreatModel.L2(0.4), new CarliniWagnerOptions { SearchSteps = 3, Iterations = 8, InitialConstant = 0.5, LearningRate = 0.1 });
        all["PGD Linf KL to clean"] = () => new PgdAttack(
            ThreatModel.Linf(0.1), new PgdOptions { Steps = 4, Start = RandomStart.Gaussian, Loss = AttackLoss.KlToClean });
        all["PGD L2 margin first success"] = () => new PgdAttack(
            ThreatModel.L2(0.4), new PgdOptions { Steps = 4, Selection = PgdSelection.FirstSuccess, Loss = AttackLoss.Margin });
        all["PGD Linf KL to clean first success x3"] = () => new PgdAttack(
            ThreatModel.Linf(0.1),
            new PgdOptions { Steps = 4, Restarts = 3, Start = RandomStart.Gaussian, Selection = PgdSelection.FirstSuccess, Loss = AttackLoss.KlToClean });
        return all;
    }

    private static void AddApgd(Dictionary<string, Func<IAttack>> all, NormThreatModel threat)
    {
        all[$"APGD-CE {threat.Norm}"] = () => new ApgdAttack(threat, new ApgdOptions { Search = new() { Iterations = 10 } });
        all[$"APGD-DLR {threat.Norm} x2 EoT"] = () => new EotAttack(new ApgdAttack(
            threat, new ApgdOptions { Search = new() { Iterations = 10, Restarts = 2, UseLargeRadii = false }, Loss = AttackLoss.Dlr }), 2);
        all[$"APGD-T {threat.Norm}"] = () => new TargetedApgdAttack(threat, new TargetedApgdOptions { Search = new() { Iterations = 10, Restarts = 2 }, Classes = 2 });
    }
}
