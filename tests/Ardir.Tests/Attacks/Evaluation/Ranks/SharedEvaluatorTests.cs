using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>RobustnessEvaluator by several processes.</summary>
public sealed class SharedEvaluatorTests
{
    private static readonly PgdAttack _pgd = new(SharedWork.Threat, new PgdOptions { Steps = 4 });

    private static readonly Dictionary<string, (Func<IModule> Model, IAttack? Attack)> _kinds = new()
    {
        ["PGD"] = (() => TinyModels.Smooth(), _pgd),
        ["no attack"] = (() => TinyModels.Smooth(), null),
        ["chain"] = (() => TinyModels.Smooth(), new WorstCaseAttack("chain", new FgsmAttack(SharedWork.Threat), _pgd)),
        ["ensemble"] = (() => TinyModels.Smooth(), SharedWork.Attack(SharedWork.Custom)),
        ["gradient of zero"] = (SharedWork.Kinds["gradient of zero"].Model, _pgd),
        ["NaN"] = (SharedWork.Kinds["NaN"].Model, _pgd),
        ["constant"] = (() => new FuncModel(x => x.flatten(1).narrow(1, 0, 4) * 0 + tensor([0.1f, 0.4f, 0.2f, 0.3f])), _pgd),
    };

    public static TheoryData<string> Kinds => [.. _kinds.Keys];

    [Theory, MemberData(nameof(Kinds))]
    public void Evaluate_ByRanks_IsThatOfOneProcess(string kind)
    {
        using var scope = NewDisposeScope();
        var (model, attack) = _kinds[kind];
        var (logger, progress) = (new ListLogger(), new ListProgress<int>());
        var options = Options() with { Context = new AttackContext { Logger = logger, Seed = 3 }, Progress = progress };
        var expected = Evaluate(model(), attack, options);
        foreach (var size in new[] { 2, 3, 7 })
        {
            var loggers = Enumerable.Range(0, size).Select(_ => new ListLogger()).ToList();
            var reports = Enumerable.Range(0, size).Select(_ => new ListProgress<int>()).ToList();
            var results = ThreadCollective.Run(size, ranks => Evaluate(model(), attack, Options() with
            {
                Collective = ranks, Context = new AttackContext { Logger = loggers[ranks.Rank], Seed = 3 }, Progress = reports[ranks.Rank],
            }));
            foreach (var result in results) result.Should().BeEquivalentTo(expected, choose => choose.WithStrictOrdering());
            loggers[0].Entries.Should().Equal(logger.Entries);
            loggers.Skip(1).Should().OnlyContain(other => other.Entries.Count == 0);
            reports[0].Reports.Should().Equal(progress.Reports);
            reports.Skip(1).Should().OnlyContain(other => other.Reports.Count == 0);
        }
        if (kind is "constant") expected.Findings.Should().Contain(finding => finding.Kind == FindingKind.ConstantLogits);
    }

    [Fact]
    public void Evaluate_DataSet_IsThatOfOneProcess()
    {
        using var scope = NewDisposeScope();
        var data = Data();
        var expected = RobustnessEvaluator.Evaluate(TinyModels.Smooth(), data, _pgd, Options());
        var results = ThreadCollective.Run(3, ranks =>
        {
            using var inner = NewDisposeScope();
            return RobustnessEvaluator.Evaluate(TinyModels.Smooth(), data, _pgd, Options() with { Collective = ranks });
        });
        foreach (var result in results) (result.Correct.SequenceEqual(expected.Correct), result.Robust.SequenceEqual(expected.Robust)).Should().Be((true, true));
        expected.RobustAccuracy.Should().BeInRange(0.1, 0.9);
    }

    [Fact]
    public void Agreement_RanksThatComputeDifferently_AreWarnedOf_ButNotRefused()
    {
        using var images = TinyModels.Images(2);
        using var labels = TinyModels.Labels(2);
        using var model = TinyModels.Smooth();
        RankAgreement.Describe(model, images, labels, new AttackContext())["machine"].Should().StartWith($"{get_num_threads()} threads, CPU, libtorch of TorchSharp ");
        var loggers = new[] { new ListLogger(), new ListLogger(), new ListLogger() };
        ThreadCollective.Run(3, ranks =>
        {
            var facts = new Dictionary<string, string> { ["machine"] = ranks.Rank == 1 ? "two threads" : "one thread", ["seed"] = "1" };
            RankAgreement.Ensure(new EvaluationRanks(ranks, CancellationToken.None), () => facts, loggers[ranks.Rank]);
            return 0;
        });
        foreach (var logger in loggers) logger.Entries.Should().ContainSingle(entry => entry.Message.Contains("compute differently: one thread; two threads.", StringComparison.Ordinal));
    }

    [Fact]
    public void Evaluate_ByRanks_MakesNoPassTwice()
    {
        using var scope = NewDisposeScope();
        long[] Count(ICollective ranks)
        {
            using var net = TinyModels.Smooth();
            net.eval();
            var model = new CountingModel(net);
            Evaluate(model, _pgd, Options() with { Collective = ranks });
            return [model.SampleForwards, model.SampleBackwards];
        }
        var single = Count(SoloCollective.Instance);
        var parts = ThreadCollective.Run(2, Count);
        parts[0].Zip(parts[1], (a, b) => a + b).Should().Equal(single);
        parts[1][1].Should().BeGreaterThan(single[1] / 4);
    }

    [Fact]
    public void Evaluate_OtherDataAttackOrOptions_AreRefusedBeforeAnyWork()
    {
        using var scope = NewDisposeScope();
        Refused("images", images: TinyModels.Images(22, seed: 2));
        Refused("attack", attack: new PgdAttack(SharedWork.Threat, new PgdOptions { Steps = 5 }));
        Refused("attack,threat model", attack: new PgdAttack(ThreatModel.L2(0.5), new PgdOptions { Steps = 4 }));
        Refused("batch size", options: Options() with { BatchSize = 5 });
        Refused("dtype", options: Options() with { DType = ScalarType.Float32 });
        Refused("checks", options: Options() with { Checks = EvaluationChecks.Free });
    }

    [Fact]
    public void Evaluate_CancelledAtOneRank_EndsAtAllRanks()
    {
        using var scope = NewDisposeScope();
        var calls = ThreadCollective.Run(3, ranks =>
        {
            using var stop = new CancellationTokenSource();
            var (net, count) = (TinyModels.Smooth(), 0);
            net.eval();
            var model = new OpaqueModel(x =>
            {
                if (++count == 4 && ranks.Rank == 2) stop.Cancel();
                return net.call(x);
            });
            var act = () => Evaluate(model, _pgd, Options() with { Collective = ranks, Context = new AttackContext { CancellationToken = stop.Token } });
            act.Should().Throw<OperationCanceledException>();
            return ranks.Calls;
        });
        calls.Distinct().Should().ContainSingle();
    }

    [Fact]
    public void Evaluate_AttackWithACollectiveOfItsOwn_MakesNoCallFromWithin()
    {
        using var scope = NewDisposeScope();
        var plain = ThreadCollective.Run(2, ranks => Calls(ranks, SharedWork.Custom));
        ThreadCollective.Run(2, ranks => Calls(ranks, SharedWork.Custom with { Collective = ranks })).Should().Equal(plain);

        static int Calls(ThreadCollective ranks, AutoAttackOptions options)
        {
            Evaluate(TinyModels.Smooth(), SharedWork.Attack(options), Options() with { Collective = ranks });
            return ranks.Calls;
        }
    }

    [Fact]
    public void Evaluate_ByRanks_LeavesNoTensorBehind()
    {
        using var scope = NewDisposeScope();
        var (images, labels) = Task();
        ThreadCollective.Run(2, ranks =>
        {
            using var inner = NewDisposeScope();
            using var model = TinyModels.Smooth();
            LeakAssert.None(() => RobustnessEvaluator.Evaluate(model, images, labels, _pgd, Options() with { Collective = ranks }));
            return 0;
        });
    }

    [Fact]
    public void Options_CollectiveNull_IsRefused()
    {
        using var scope = NewDisposeScope();
        var evaluator = () => Evaluate(TinyModels.Smooth(), _pgd, Options() with { Collective = null! });
        evaluator.Should().Throw<ArgumentNullException>().WithMessage("*Leave Collective out*");
        var ensemble = () => SharedWork.Attack(SharedWork.Custom with { Collective = null! });
        ensemble.Should().Throw<ArgumentNullException>().WithMessage("*Leave Collective out*");
    }

    private static EvaluationOptions Options() => new() { BatchSize = 4, Checks = EvaluationChecks.All };

    private static (Tensor Images, Tensor Labels) Task()
    {
        var images = SharedWork.Images();
        return (images, SharedWork.Labels(images));
    }

    private static ImageDataset Data()
    {
        var bytes = TinyModels.Random([22, 1, 4, 4], 1, high: 256).to(ScalarType.Byte);
        return new ImageDataset(bytes, SharedWork.Labels(bytes.to(ScalarType.Float32) / 255));
    }

    private static RobustnessResult Evaluate(IModule model, IAttack? attack, EvaluationOptions options)
    {
        using var scope = NewDisposeScope();
        var (images, labels) = Task();
        var result = RobustnessEvaluator.Evaluate(model, images, labels, attack, options);
        return result with { Attacks = [.. result.Attacks.Select(summary => summary with { Elapsed = TimeSpan.Zero })] };
    }

    private static void Refused(string differs, Tensor? images = null, IAttack? attack = null, EvaluationOptions? options = null)
    {
        var (own, labels) = Task();
        var messages = ThreadCollective.Run(2, ranks =>
        {
            using var inner = NewDisposeScope();
            var model = new OpaqueModel(_ => throw new InvalidDataException());
            var act = () => ranks.Rank == 0
                ? RobustnessEvaluator.Evaluate(model, own, labels, _pgd, Options() with { Collective = ranks })
                : RobustnessEvaluator.Evaluate(model, images ?? own, labels, attack ?? _pgd, (options ?? Options()) with { Collective = ranks });
            return act.Should().Throw<InvalidOperationException>().Which.Message;
        });
        messages[0].Should().Be(messages[1]);
        messages[0].Split('\n').Skip(1).Select(line => line.Split(':')[0].Trim()).Should().BeEquivalentTo(differs.Split(','));
    }
}
