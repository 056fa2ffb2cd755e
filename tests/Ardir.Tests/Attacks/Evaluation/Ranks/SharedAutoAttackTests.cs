using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>AutoAttack by several processes finds what a single one finds, bit for bit, and writes the same state file.</summary>
public sealed class SharedAutoAttackTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private static readonly Dictionary<string, Func<AutoAttackOptions, AutoAttackOptions>> _otherOptions = new()
    {
        ["batch size"] = options => options with { BatchSize = 4 },
        ["seed of the options"] = options => options with { Seed = 6 },
        ["attacks"] = options => options with { Attacks = [.. options.Attacks!.Skip(1)] },
        ["checks"] = options => options with { Diagnose = false },
        ["security curve"] = options => options with { SecurityCurve = [0.1] },
        ["version,attacks"] = options => options with { Version = AutoAttackVersion.Rand, Attacks = null },
    };

    public static TheoryData<string, int> Kinds
    {
        get
        {
            var rows = new TheoryData<string, int>();
            foreach (var kind in SharedWork.Kinds.Keys) rows.Add(kind, kind is "NaN" or "one batch" or "Fast" ? 3 : 2);
            rows.Add("attacks of every sort", 3);
            rows.Add("attacks of every sort", 1);
            return rows;
        }
    }

    public static TheoryData<string> Options => [.. _otherOptions.Keys];

    [Theory, MemberData(nameof(Kinds))]
    public void Evaluate_ByRanks_IsThatOfOneProcess(string kind, int size)
    {
        using var scope = NewDisposeScope();
        var (images, labels) = Task();
        var (logger, progress) = (new ListLogger(), new ListProgress<AttackProgress>());
        var expected = Single(kind, new AttackContext { Logger = logger, Progress = progress });
        var loggers = Enumerable.Range(0, size).Select(_ => new ListLogger()).ToList();
        var reports = Enumerable.Range(0, size).Select(_ => new ListProgress<AttackProgress>()).ToList();
        var found = SharedWork.Run(size, kind, (ranks, model, options) =>
        {
            var attack = SharedWork.Attack(options with { StatePath = _folder.File($"{ranks.Rank}.state") });
            using var report = attack.Evaluate(model, images, labels, new AttackContext { Logger = loggers[ranks.Rank], Progress = reports[ranks.Rank] });
            (ranks.Calls > 0).Should().Be(size > 1, "a single rank has nobody to talk to");
            return SharedWork.Found(report);
        });
        found.Should().AllBe(expected);
        SharedWork.Records(_folder.File("0.state")).Should().Equal(SharedWork.Records(_folder.File("single.state")));
        _folder.Names.Should().Equal("0.state", "single.state");
        loggers[0].Entries.Should().Equal(logger.Entries);
        loggers.Skip(1).SelectMany(other => other.Entries).Should().BeEmpty();
        reports.Skip(1).SelectMany(other => other.Reports).Should().BeEmpty();
        Batches(reports[0]).Should().Equal(Batches(progress));
    }

    [Fact]
    public void Evaluate_ByRanks_MakesNoPassTwice()
    {
        using var scope = NewDisposeScope();
        var (images, labels) = Task();
        (long, long) Count(ICollective ranks)
        {
            using var net = TinyModels.Smooth();
            net.eval();
            var model = new CountingModel(net);
            SharedWork.Attack(SharedWork.Custom with { Collective = ranks }).Evaluate(model, images, labels).Dispose();
            return (model.SampleForwards, model.SampleBackwards);
        }
        var single = Count(SoloCollective.Instance);
        var parts = ThreadCollective.Run(3, Count);
        (parts.Sum(part => part.Item1), parts.Sum(part => part.Item2)).Should().Be(single);
        parts.Should().OnlyContain(part => part.Item1 > single.Item1 / 5, "the work is shared");
    }

    [Theory, InlineData(1, 3), InlineData(3, 1), InlineData(3, 2), InlineData(2, 3)]
    public void Evaluate_CancelledAndResumedByOthers_EndsAsUninterrupted(int before, int after)
    {
        using var scope = NewDisposeScope();
        var (images, labels) = Task();
        var expected = Single("attacks of every sort");
        var path = _folder.File("run.state");
        for (var time = 1; time <= 2; time++)
        {
            // The last rank stops in the middle of a batch; nobody else knows.
            var stopped = SharedWork.Run(before, "attacks of every sort", (ranks, model, options) =>
            {
                using var stop = new CancellationTokenSource();
                var (calls, last) = (0, ranks.Rank == before - 1 ? 60 / before : -1);
                using var hook = new Hook(model, () => { if (++calls == last) stop.Cancel(); });
                var act = () => SharedWork.Attack(options with { StatePath = ranks.Rank == 0 ? path : null })
                    .Evaluate(model, images, labels, new AttackContext { CancellationToken = stop.Token });
                act.Should().Throw<OperationCanceledException>();
                return ranks.Calls;
            });
            stopped.Distinct().Should().ContainSingle("all ranks end at the same exchange");
        }
        var kept = SharedWork.Records(path);
        var whole = SharedWork.Records(_folder.File("single.state"));
        kept.Count.Should().BeInRange(5, whole.Count - 5, "both must have something to do");
        kept.Should().Equal(whole.Take(kept.Count));
        var found = SharedWork.Run(after, "attacks of every sort", (ranks, model, options) =>
        {
            using var report = SharedWork.Attack(options with { StatePath = ranks.Rank == 0 ? path : null }).Evaluate(model, images, labels);
            return SharedWork.Found(report);
        });
        found.Should().AllBe(expected);
        SharedWork.Records(path).Should().Equal(whole);
    }

    [Fact]
    public void Evaluate_RankThatFails_LosesNoMoreThanARound()
    {
        using var scope = NewDisposeScope();
        var (images, labels) = Task();
        var expected = Single("attacks of every sort");
        var path = _folder.File("run.state");
        var act = () => SharedWork.Run(2, "attacks of every sort", (ranks, model, options) =>
        {
            var calls = 0;
            using var hook = new Hook(model, () => { if (ranks.Rank == 1 && ++calls == 100) throw new InvalidDataException("on purpose"); });
            SharedWork.Attack(options with { StatePath = ranks.Rank == 0 ? path : null }).Evaluate(model, images, labels).Dispose();
            return 0;
        });
        act.Should().Throw<InvalidDataException>().WithMessage("on purpose");
        var whole = SharedWork.Records(_folder.File("single.state"));
        SharedWork.Records(path).Should().Equal(whole.Take(SharedWork.Records(path).Count)).And.HaveCountGreaterThan(4);
        var found = SharedWork.Run(3, "attacks of every sort", (ranks, model, options) =>
        {
            using var report = SharedWork.Attack(options with { StatePath = ranks.Rank == 0 ? path : null }).Evaluate(model, images, labels);
            return SharedWork.Found(report);
        });
        found.Should().AllBe(expected);
        SharedWork.Records(path).Should().Equal(whole);
    }

    [Theory, MemberData(nameof(Options))]
    public void Evaluate_RanksWithOtherOptions_AreRefusedBeforeAnyWork(string differs) => Refused(differs, (rank, world) =>
        rank == 1 ? world with { Options = _otherOptions[differs](world.Options) } : world);

    [Fact]
    public void Evaluate_RanksWithOtherInputs_AreRefusedBeforeAnyWork()
    {
        using var scope = NewDisposeScope();
        Refused("images", (rank, world) => rank == 1 ? world with { Images = TinyModels.Images(22, seed: 2) } : world);
        Refused("labels", (rank, world) => rank == 1 ? world with { Labels = (world.Labels + 1).remainder(4) } : world);
        Refused("model", (rank, world) => rank == 1 ? world with { Model = TinyModels.Smooth(seed: 12) } : world);
        Refused("model", (rank, world) => rank == 1 ? world with { Model = TinyModels.Linear(dtype: ScalarType.Float32) } : world);
        Refused("seed of the context", (rank, world) => rank == 1 ? world with { Context = new AttackContext { Seed = 1 } } : world);
        Refused("passes per gradient", (rank, world) => rank == 1 ? world with { Context = new AttackContext { EotSamples = 2 }, Options = Averaging(world) } : world with { Options = Averaging(world) });
        Refused("sample numbers", (rank, world) => rank == 1 ? world with { Context = new AttackContext { SampleIndices = [.. Enumerable.Range(1, 22).Select(i => (long)i)] } } : world);
    }

    [Fact]
    public void Evaluate_AttackThatHidesValues_IsComparedByItsType()
    {
        using var scope = NewDisposeScope();
        var (images, labels) = Task();
        var found = ThreadCollective.Run(2, ranks =>
        {
            using var inner = NewDisposeScope();
            var options = SharedWork.Custom with { Attacks = [new Secret(ranks.Rank)], Collective = ranks };
            using var report = SharedWork.Attack(options).Evaluate(TinyModels.Smooth(), images, labels);
            return report.RobustAccuracy;
        });
        found.Should().AllBeEquivalentTo(21 / 22.0);
    }

    [Fact]
    public void Evaluate_CancelledBeforeItBegins_EndsAtAllRanksWithoutACall()
    {
        using var scope = NewDisposeScope();
        var (images, labels) = Task();
        var messages = SharedWork.Run(3, "attacks of every sort", (ranks, _, options) =>
        {
            var act = () => SharedWork.Attack(options).Evaluate(
                new OpaqueModel(_ => throw new InvalidDataException()), images, labels, new AttackContext { CancellationToken = new CancellationToken(ranks.Rank == 1) });
            return act.Should().Throw<OperationCanceledException>().Which.Message;
        });
        messages[0].Should().Be(messages[2]).And.StartWith("Another rank was cancelled");
    }

    [Fact]
    public void Perturb_WithACollective_WorksForItself()
    {
        using var scope = NewDisposeScope();
        var (images, labels) = Task();
        using var net = TinyModels.Smooth();
        var expected = SharedWork.Attack(SharedWork.Custom).Perturb(net, images, labels);
        ThreadCollective.Run(2, ranks =>
        {
            using var inner = NewDisposeScope();
            if (ranks.Rank == 0) return 0;
            TensorAssert.Same(SharedWork.Attack(SharedWork.Custom with { Collective = ranks }).Perturb(TinyModels.Smooth(), images, labels), expected);
            return ranks.Calls;
        }).Should().Equal(0, 0);
    }

    [Fact]
    public void Evaluate_ByRanks_LeavesNoTensorBehind()
    {
        using var scope = NewDisposeScope();
        var (images, labels) = Task();
        var path = _folder.File("run.state");
        SharedWork.Run(2, "security curve", (ranks, model, options) =>
        {
            // The second time everything comes from the state file.
            void Evaluate() => SharedWork.Attack(options with { StatePath = ranks.Rank == 0 ? path : null }).Evaluate(model, images, labels).Dispose();
            LeakAssert.None(Evaluate, runs: 2);
            File.Delete(path);
            ranks.Barrier();
            LeakAssert.None(Evaluate, runs: 1);
            return 0;
        });
    }

    public void Dispose() => _folder.Dispose();

    private static (Tensor Images, Tensor Labels) Task()
    {
        var images = SharedWork.Images();
        return (images, SharedWork.Labels(images));
    }

    private string Single(string kind, AttackContext? context = null)
    {
        using var scope = NewDisposeScope();
        var (images, labels) = Task();
        var (model, options) = SharedWork.Kinds[kind];
        using var report = SharedWork.Attack(options with { StatePath = _folder.File("single.state") }).Evaluate(model(), images, labels, context);
        return SharedWork.Found(report);
    }

    // The cost within a batch differs, because the batches of a round begin with what was known before it.
    private static IEnumerable<(string, int, int, int, long, long, double?)> Batches(ListProgress<AttackProgress> progress) =>
        progress.Reports.Where(report => report.Evaluation is not null)
            .Select(report => (report.Attack, report.Step, report.Steps, report.Active, report.SampleForwards, report.SampleBackwards, report.Fraction));

    private static AutoAttackOptions Averaging(World world) => world.Options with { Attacks = [new PgdAttack(SharedWork.Threat)] };

    private static void Refused(string differs, Func<int, World, World> change)
    {
        using var scope = NewDisposeScope();
        var (images, labels) = Task();
        var messages = ThreadCollective.Run(3, ranks =>
        {
            using var inner = NewDisposeScope();
            var world = change(ranks.Rank, new World(TinyModels.Smooth(), images, labels, SharedWork.Custom, new AttackContext()));
            var calls = 0;
            using var hook = new Hook(world.Model, () => calls++);
            var act = () => SharedWork.Attack(world.Options with { Collective = ranks }).Evaluate(world.Model, world.Images, world.Labels, world.Context);
            var message = act.Should().Throw<InvalidOperationException>().Which.Message;
            calls.Should().Be(0);
            return message;
        });
        messages.Distinct().Should().ContainSingle();
        messages[0].Should().Contain("Give all of them the same model, images, labels and options");
        messages[0].Split('\n').Skip(1).Select(line => line.Split(':')[0].Trim()).Should().BeEquivalentTo(differs.Split(','));
        messages[0].Should().Contain("at rank 0").And.Contain("at rank 1").And.NotContain("at rank 2");
    }

    private sealed record World(nn.Module<Tensor, Tensor> Model, Tensor Images, Tensor Labels, AutoAttackOptions Options, AttackContext Context);

    /// <summary>Does something before every call of a model.</summary>
    private sealed class Hook : IDisposable
    {
        private readonly nn.Module<Tensor, Tensor>.HookRemover _hook;

        public Hook(IModule model, Action before) => _hook = ((nn.Module<Tensor, Tensor>)model).register_forward_pre_hook((_, input) =>
        {
            before();
            return input;
        });

        public void Dispose() => _hook.remove();
    }

    /// <summary>Has a value that nothing shows, and finds nothing.</summary>
    private sealed class Secret(int value) : IAttack
    {
        public string Name => "secret";

        public ThreatModel Threat => SharedWork.Threat;

        public Tensor Perturb(IModule model, Tensor images, Tensor labels, AttackContext? context = null) => value < 9 ? images.clone() : images;
    }
}
