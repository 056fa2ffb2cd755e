using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>Ensembles that give up find what exhaustive ones find, with fewer passes, and say which of both they are.</summary>
public sealed class GivingUpTests : IDisposable
{
    private static readonly ThreatModel _threat = ThreatModel.Linf(0.1);

    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void Evaluate_RobustFashionModel_IsAsRobustAsToAnExhaustiveEnsembleForLessThanTwoThirds()
    {
        using var scope = NewDisposeScope();
        Compare(5, 2 / 3.0, exhaustive => new AutoAttack(_threat, new AutoAttackOptions { Exhaustive = exhaustive, Diagnose = false }));
    }

    // The benchmark 'fewer' compares the whole schedules in these norms, where giving up saves more.
    [Theory]
    [InlineData(PerturbationNorm.L2, 1)]
    [InlineData(PerturbationNorm.L1, 8)]
    public void Evaluate_ShortAttacksInOtherNorms_AreAsStrongAsExhaustiveOnesForFewerPasses(PerturbationNorm norm, double epsilon)
    {
        using var scope = NewDisposeScope();
        var threat = Balls.Of(norm, epsilon);
        Compare(8, 0.9, exhaustive => new AutoAttack(threat, new AutoAttackOptions
        {
            Version = AutoAttackVersion.Custom, Diagnose = false,
            Attacks =
            [
                new ApgdAttack(threat, new ApgdOptions { Search = new() { Iterations = 40 } }),
                new TargetedApgdAttack(threat, new TargetedApgdOptions { Search = new() { Iterations = 40 }, GiveUp = !exhaustive }),
                new TargetedFabAttack(threat, new TargetedFabOptions { Search = new() { Iterations = 40, GiveUp = !exhaustive } }),
                new SquareAttack(threat, new SquareOptions { Queries = 1500, GiveUp = !exhaustive }),
            ],
        }));
    }

    private static void Compare(int count, double share, Func<bool, AutoAttack> attack)
    {
        using var model = FashionModel.Robust();
        var (images, labels) = FashionModel.Images(count);
        using var quick = attack(false).Evaluate(model, images, labels);
        using var whole = attack(true).Evaluate(model, images, labels);
        quick.Robust.Should().Equal(whole.Robust);
        quick.BrokenBy.Should().Equal(whole.BrokenBy);
        quick.Robust.Count(robust => robust).Should().BeGreaterThan(1);
        ((double)Passes(quick)).Should().BeLessThan(Passes(whole) * share);
        // The first attack gives nothing up.
        (quick.Attacks[0] with { Elapsed = default }).Should().Be(whole.Attacks[0] with { Elapsed = default });
    }

    [Fact]
    public void Evaluate_Exhaustive_RunsTheVersionsAttacksWithoutGivingUp()
    {
        foreach (var version in new[] { AutoAttackVersion.Standard, AutoAttackVersion.Plus })
        {
            Names(new AutoAttackOptions { Version = version, Exhaustive = true }).Should().BeEmpty();
            AttackCatalog.Of(new AutoAttackOptions { Version = version, Exhaustive = true }, _threat, 10).Select(attack => attack.ToString())
                .Should().Equal(AttackCatalog.Of(new AutoAttackOptions { Version = version }, _threat, 10)
                    .Select(attack => attack.ToString()!.Replace("GiveUp = True", "GiveUp = False", StringComparison.Ordinal)));
        }
        Names(new AutoAttackOptions()).Should().Equal("APGD-T", "FAB-T", "Square");
        Names(new AutoAttackOptions { Version = AutoAttackVersion.Plus }).Should().Equal("FAB", "Square", "APGD-T", "FAB-T");
        Names(new AutoAttackOptions { Version = AutoAttackVersion.Rand }).Should().BeEmpty();
    }

    [Fact]
    public void Names_OwnAttacks_AreThoseWhoseOptionHasAnEffect()
    {
        IAttack[] attacks =
        [
            new SquareAttack(_threat, new SquareOptions { GiveUp = false }), new SquareAttack(_threat, new SquareOptions { Loss = AttackLoss.CrossEntropy }),
            new FabAttack(_threat, new FabOptions { MinimiseNorm = true }), new EotAttack(new TargetedApgdAttack(_threat), 3), new PgdAttack(_threat),
        ];
        GivingUp.Names(attacks, samples: 1).Should().BeEmpty();
        IAttack[] chain = [new WorstCaseAttack("chain", new PgdAttack(_threat), new TargetedApgdAttack(_threat)), new AutoAttack(_threat)];
        GivingUp.Names(chain, samples: 1).Should().Equal("chain", "AutoAttack-standard");
        GivingUp.Names([new AutoAttack(_threat, new AutoAttackOptions { Exhaustive = true })], samples: 1).Should().BeEmpty();
        GivingUp.Names([new TargetedApgdAttack(_threat), new SquareAttack(_threat), new TargetedFabAttack(_threat)], samples: 2).Should().Equal("FAB-T");
    }

    [Fact]
    public void Names_AttackOfOnesOwn_IsNamedWhereItSaysThatItGivesUp()
    {
        GivingUp.Names([new Impatient()], samples: 1).Should().Equal("Impatient");
        GivingUp.Names([new EotAttack(new EotAttack(new Impatient(), 2), 3)], samples: 1).Should().BeEmpty("it does so for one or two passes only");
        GivingUp.Names([new EotAttack(new Impatient(), 2)], samples: 1).Should().Equal("EoT2-Impatient");
    }

    [Fact]
    public void Constructor_ExhaustiveWithOwnAttacks_IsRefused()
    {
        var act = () => new AutoAttack(_threat, new AutoAttackOptions
        {
            Version = AutoAttackVersion.Custom, Attacks = [new SquareAttack(_threat)], Exhaustive = true,
        });
        act.Should().Throw<ArgumentException>().WithMessage("*GiveUp = false*").WithParameterName("Exhaustive");
        new AutoAttack(_threat, new AutoAttackOptions { Exhaustive = true }).ToString().Should().NotBe(new AutoAttack(_threat).ToString());
        StatedIdentity.Of(new AutoAttack(_threat, new AutoAttackOptions { Exhaustive = true })).Should().NotBe(StatedIdentity.Of(new AutoAttack(_threat)));
    }

    [Fact]
    public void Evaluate_StateOfTheOtherKind_IsRefusedNamingIt_AndItsOwnIsResumed()
    {
        using var scope = NewDisposeScope();
        using var model = FashionModel.Robust();
        var (images, labels) = FashionModel.Images(2);
        AutoAttack Attack(bool exhaustive) => new(_threat, new AutoAttackOptions
        {
            StatePath = _folder.File("run.state"), Exhaustive = exhaustive, Diagnose = false,
        });
        using var stop = new CancellationTokenSource();
        var batches = 0;
        var cut = () => Attack(exhaustive: false).Evaluate(model, images, labels, new AttackContext
        {
            CancellationToken = stop.Token,
            // In the middle of the targets of APGD-T.
            Progress = new ListProgress<AttackProgress>(report => { if (report.Evaluation is not null && ++batches == 4) stop.Cancel(); }),
        });
        cut.Should().Throw<OperationCanceledException>();
        var other = () => Attack(exhaustive: true).Evaluate(model, images, labels);
        other.Should().Throw<InvalidOperationException>().WithMessage("*exhaustive: was*");
        using var resumed = Attack(exhaustive: false).Evaluate(model, images, labels);
        using var whole = new AutoAttack(_threat, new AutoAttackOptions { Diagnose = false }).Evaluate(model, images, labels);
        resumed.Robust.Should().Equal(whole.Robust);
        resumed.Attacks.Select(attack => attack with { Elapsed = default }).Should().Equal(whole.Attacks.Select(attack => attack with { Elapsed = default }));
        TensorAssert.Same(resumed.Adversarial, whole.Adversarial);
    }

    [Fact]
    public void Save_Reports_SayWhoGivesUp()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear();
        var images = TinyModels.Images(3, ScalarType.Float64);
        var labels = model.call(images).argmax(1);
        void Says(string sentence, string[] names, params IAttack[] attacks)
        {
            using var report = new AutoAttack(_threat, new AutoAttackOptions { Version = AutoAttackVersion.Custom, Attacks = attacks, Diagnose = false })
                .Evaluate(model, images, labels);
            report.SaveMarkdown(_folder.File("r.md"));
            report.SaveHtml(_folder.File("r.html"));
            report.SaveJson(_folder.File("r.json"));
            File.ReadAllLines(_folder.File("r.md")).Should().Contain(sentence);
            File.ReadAllText(_folder.File("r.html")).Should().Contain(sentence);
            JsonReport.Read(_folder.File("r.json")).GivesUp.Should().Equal(names);
        }

        Says("These attacks give up images out of their reach, which the published code never does: APGD-T, Square.", ["APGD-T", "Square"],
            new FgsmAttack(_threat), new TargetedApgdAttack(_threat, new TargetedApgdOptions { Search = new() { Iterations = 5 } }),
            new SquareAttack(_threat, new SquareOptions { Queries = 5 }));
        Says("No attack gives up: each follows its schedule to the end, as the published code does.", [], new FgsmAttack(_threat));
    }

    public void Dispose() => _folder.Dispose();

    private sealed class Impatient() : Attack(_threat)
    {
        public override string Name => nameof(Impatient);

        protected override Tensor Search(AttackRun run) => run.Images;

        protected override bool GivesUp(int samples) => samples <= 2;
    }

    private static IReadOnlyList<string> Names(AutoAttackOptions options) => GivingUp.Names(AttackCatalog.Of(options, _threat, 10), samples: 1);

    private static long Passes(RobustnessReport report) => report.Attacks.Sum(attack => attack.SampleForwards + attack.SampleBackwards);
}
