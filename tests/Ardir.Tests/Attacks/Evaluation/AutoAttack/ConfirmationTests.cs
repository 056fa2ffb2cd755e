using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>No attack's word is taken, the library's own included; and the seed of the context reaches every attack.</summary>
public sealed class ConfirmationTests
{
    private static readonly ThreatModel _threat = ThreatModel.Linf(0.05);

    [Fact]
    public void Evaluate_UnitAttackWithFalseClaims_CountsOnlyWhatAFreshForwardConfirms()
    {
        using var scope = NewDisposeScope();
        using var model = Brightness();
        var images = full([5, 1, 4, 4], 0.52);
        // A clean image, a wrong one outside the ball, a true one, a tie that the lowest class wins, and a true one that nobody claims.
        float[] brightness = [0.52f, 0.2f, 0.48f, 0.5f, 0.48f];
        var points = tensor(brightness).reshape(5, 1, 1, 1).expand(5, 1, 4, 4).clone();
        var claims = tensor(new[] { true, true, true, true, false });
        using var report = Ensemble(new ClaimingAttack(_threat, _ => new UnitOutcome(points, claims))).Evaluate(model, images, zeros(5, ScalarType.Int64));
        report.Correct.Should().OnlyContain(right => right);
        report.Robust.Should().Equal(true, true, false, true, true);
        report.BrokenBy.Should().Equal(null, null, "claiming", null, null);
        report.Predictions.Should().Equal(0, 0, 1, 0, 0);
        report.Attacks.Should().ContainSingle().Which.Broken.Should().Be(1);
        report.Findings.Should().ContainSingle(finding => finding.Kind == FindingKind.UnconfirmedSuccess).Which.Message.Should().StartWith("3 claimed");
        for (var i = 0; i < 5; i++) TensorAssert.Same(report.Adversarial[i], i == 2 ? points[i] : images[i]);
    }

    [Fact]
    public void Evaluate_SecondUnit_SeesOnlyWhatTheFirstDidNotBreak()
    {
        using var scope = NewDisposeScope();
        using var model = Brightness();
        var images = full([3, 1, 4, 4], 0.52);
        var seen = new List<int>();
        var attack = new ClaimingAttack(_threat, run =>
        {
            seen.Add(run.Count);
            var broken = arange(run.Count) == 0;
            return new UnitOutcome(where(broken.reshape(-1, 1, 1, 1), run.Images - 0.04, run.Images), broken);
        }, units: 2);
        using var report = Ensemble(attack).Evaluate(model, images, zeros(3, ScalarType.Int64));
        seen.Should().Equal(3, 2);
        report.Robust.Should().Equal(false, false, true);
        report.Attacks[0].Attacked.Should().Be(3);
        report.RobustAccuracy.Should().BeApproximately(1 / 3.0, 1e-15);
    }

    [Fact]
    public void Evaluate_SeedsOfOptionsAndContext_BothReachTheAttacks()
    {
        using var scope = NewDisposeScope();
        using var model = Brightness();
        var images = full([2, 1, 4, 4], 0.52);
        ulong Seed(ulong options, ulong context)
        {
            var spy = new SeedSpy(_threat);
            var ensemble = new AutoAttack(_threat, new AutoAttackOptions { Version = AutoAttackVersion.Custom, Attacks = [spy], Seed = options, Diagnose = false });
            ensemble.Evaluate(model, images, zeros(2, ScalarType.Int64), new AttackContext { Seed = context }).Dispose();
            return spy.Seen.Should().ContainSingle().Which;
        }

        ulong[] seeds = [Seed(0, 0), Seed(0, 1), Seed(0, 2), Seed(1, 0), Seed(2, 0), Seed(1, 1)];
        seeds.Should().OnlyHaveUniqueItems();
        Seed(1, 1).Should().Be(seeds[^1], "the same two seeds always mean the same numbers");
    }

    [Fact]
    public void Perturb_ContextsWithTwoSeeds_FindTwoSetsOfImages()
    {
        using var scope = NewDisposeScope();
        using var model = Brightness();
        var images = full([2, 1, 4, 4], 0.52);
        Tensor Found(ulong seed) => Ensemble(new ApgdAttack(_threat, new ApgdOptions { Search = new() { Iterations = 5 } }))
            .Perturb(model, images, zeros(2, ScalarType.Int64), new AttackContext { Seed = seed });
        TensorAssert.Same(Found(1), Found(1));
        TensorAssert.Different(Found(1), Found(2));
    }

    /// <summary>Class 0 where an image is brighter than a half, or exactly as bright.</summary>
    private static FuncModel Brightness() => new(x =>
    {
        var score = (x - 0.5).flatten(1).mean([1]);
        return stack([score, -score], 1);
    });

    private static AutoAttack Ensemble(IAttack attack) => new(_threat, new AutoAttackOptions { Version = AutoAttackVersion.Custom, Attacks = [attack] });

    private sealed class ClaimingAttack(ThreatModel threat, Func<AttackRun, UnitOutcome> claim, int units = 1) : UnitAttack(threat)
    {
        public override string Name => "claiming";

        protected override long UnitCost(long classes) => 1;

        protected override int UnitCount(long classes) => units;

        protected override UnitOutcome SearchUnit(AttackRun run, int unit) => claim(run);
    }

    private sealed class SeedSpy(ThreatModel threat) : IAttack
    {
        public List<ulong> Seen { get; } = [];

        public string Name => "spy";

        public ThreatModel Threat => threat;

        public Tensor Perturb(IModule model, Tensor images, Tensor labels, AttackContext? context = null)
        {
            Seen.Add(context!.Seed);
            return images.clone();
        }
    }
}
