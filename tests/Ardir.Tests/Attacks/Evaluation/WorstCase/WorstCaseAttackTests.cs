using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>The chain on its own; as an attack it stands in the contract table.</summary>
public sealed class WorstCaseAttackTests
{
    private static readonly ThreatModel _threat = ThreatModel.Linf(0.1);

    [Fact]
    public void Perturb_Chain_GivesEachAttackTheCleanImagesThatTheOnesBeforeLeft()
    {
        using var scope = NewDisposeScope();
        using var model = Judge();
        var (images, labels) = (Images(), zeros(6, dtype: ScalarType.Int64));
        var calls = new List<(string Attack, double[] Images, long[]? Numbers, ulong Seed)>();
        Step Named(string name, params double[] breaks) => new(name, (x, context) =>
        {
            calls.Add((name, FirstPixels(x), context?.SampleIndices?.ToArray(), context!.Seed));
            return Move(x, value => breaks.Any(b => Math.Abs(b - value) < 1e-6) ? -0.06 : 0.01);
        });
        // Image 2 is wrong from the start. The first attack breaks image 0, the second 3, the third the rest; the fourth has nothing to do.
        var chain = new WorstCaseAttack("chain", Named("a", 0.51), Named("b", 0.54), Named("c", 0.52, 0.53, 0.55), Named("d"));

        var result = chain.Perturb(model, images, labels, new AttackContext { Seed = 7, SampleIndices = [10, 11, 12, 13, 14, 15] });

        calls.Select(call => call.Attack).Should().Equal("a", "b", "c");
        calls.Should().OnlyContain(call => call.Seed == 7);
        calls[0].Numbers.Should().Equal(10, 11, 12, 13, 14, 15);
        calls[1].Numbers.Should().Equal(11, 13, 14, 15);
        calls[1].Images.Should().Equal([.. new[] { 1, 3, 4, 5 }.Select(i => FirstPixels(images)[i])], "each starts from the clean images");
        calls[2].Numbers.Should().Equal(11, 14, 15);
        TensorAssert.Close(tensor(FirstPixels(result)), [0.45, 0.46, 0.49, 0.48, 0.47, 0.49], 1e-6);
    }

    [Fact]
    public void Perturb_SampleThatNoneBreaks_GetsTheLastAttacksImage()
    {
        using var scope = NewDisposeScope();
        using var model = Judge();
        var chain = new WorstCaseAttack("chain", new Step("a", (x, _) => Move(x, _ => 0.01)), new Step("b", (x, _) => Move(x, _ => 0.03)));
        var result = chain.Perturb(model, Images().narrow(0, 0, 1), zeros(1, dtype: ScalarType.Int64));
        TensorAssert.Close(tensor(FirstPixels(result)), [0.54], 1e-6);
    }

    [Fact]
    public void Perturb_Targets_RunUntilTheTargetIsReachedAndTravelWithTheirSamples()
    {
        using var scope = NewDisposeScope();
        using var model = Judge();
        var (images, labels) = (Images().index_select(0, tensor(new long[] { 0, 1, 3 })), zeros(3, dtype: ScalarType.Int64));
        var seen = new List<long[]>();
        Step Named(string name, double most) => new(name, (x, context) =>
        {
            seen.Add(TensorAssert.Longs(context!.Targets!));
            return Move(x, value => value < most ? -0.05 : 0);
        });
        var chain = new WorstCaseAttack("chain", Named("a", 0.515), Named("b", 0.6));
        var result = chain.Perturb(model, images, labels, new AttackContext { Targets = tensor(new long[] { 1, 0, 1 }) });
        // Image 0 reaches class 1 by the first; image 1 is where its target wants it already.
        seen.Should().HaveCount(2);
        seen[0].Should().Equal(1, 0, 1);
        seen[1].Should().Equal(1);
        TensorAssert.Close(tensor(FirstPixels(result)), [0.46, 0.52, 0.49], 1e-6);
    }

    [Fact]
    public void Perturb_RealAttacks_BreakWhateverOneOfThemBreaks()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Smooth();
        model.eval();
        var images = TinyModels.Images(24);
        var labels = Predictions.Of(model.call(images));
        IAttack[] attacks = [new SquareAttack(_threat, new SquareOptions { Queries = 3 }), new FgsmAttack(_threat), new PgdAttack(_threat, new PgdOptions { Steps = 3, Loss = AttackLoss.Dlr })];
        bool[] Broken(IAttack attack) => [.. (Predictions.Of(model.call(attack.Perturb(model, images, labels))) != labels).data<bool>().ToArray()];
        var each = attacks.Select(Broken).ToArray();
        var chain = new WorstCaseAttack("chain", attacks);
        Broken(chain).Should().Equal(Enumerable.Range(0, 24).Select(i => each.Any(broken => broken[i])));
        each[0].Should().NotEqual(Broken(chain), "the chain must have something to add");
        TensorAssert.AllTrue(_threat.Contains(images, chain.Perturb(model, images, labels)));
    }

    [Fact]
    public void Perturb_KeepModelMode_JudgesInThatMode()
    {
        using var scope = NewDisposeScope();
        using var inner = Judge();
        var modes = new List<bool>();
        using var model = new FuncModel(x =>
        {
            modes.Add(inner.training);
            return inner.call(x);
        }, inner);
        var chain = new WorstCaseAttack("chain", new Step("a", (x, _) => x.clone()), new Step("b", (x, _) => x.clone()));
        model.train();
        chain.Perturb(model, Images(), zeros(6, dtype: ScalarType.Int64));
        chain.Perturb(model, Images(), zeros(6, dtype: ScalarType.Int64), new AttackContext { KeepModelMode = true });
        modes.Should().Equal(false, true);
        model.training.Should().BeTrue();
    }

    [Fact]
    public void Perturb_CancelledByAnAttackThatIgnoresTheToken_StopsBeforeTheNext()
    {
        using var scope = NewDisposeScope();
        using var source = new CancellationTokenSource();
        var forwards = 0;
        using var model = new FuncModel(x =>
        {
            forwards++;
            return x.flatten(1);
        });
        var chain = new WorstCaseAttack("chain", new Step("a", (x, _) =>
        {
            source.Cancel();
            return x.clone();
        }), new Step("b", (_, _) => throw new InvalidOperationException("must not run")));
        chain.Invoking(c => c.Perturb(model, Images(), zeros(6, dtype: ScalarType.Int64), new AttackContext { CancellationToken = source.Token })).Should().Throw<OperationCanceledException>();
        forwards.Should().Be(0);
    }

    [Fact]
    public void Perturb_Progress_IsThatOfEachAttackInTurn()
    {
        using var scope = NewDisposeScope();
        using var model = Judge();
        var progress = new ListProgress<AttackProgress>();
        var small = ThreatModel.Linf(1e-3);
        var chain = new WorstCaseAttack("chain", new FgsmAttack(small), new PgdAttack(small, new PgdOptions { Steps = 2 }));
        chain.Perturb(model, Images(), zeros(6, dtype: ScalarType.Int64), new AttackContext { Progress = progress });
        progress.Reports.Select(report => (report.Attack, report.Step, report.Active)).Should().Equal(("FGSM", 1, 6), ("PGD-2", 1, 5), ("PGD-2", 2, 5));
    }

    [Fact]
    public void Perturb_EveryImageBrokenByTheFirst_RunsNoOther()
    {
        using var scope = NewDisposeScope();
        using var model = Judge();
        var chain = new WorstCaseAttack("chain", new Step("a", (x, _) => Move(x, _ => -0.09)), new Step("b", (_, _) => throw new InvalidOperationException("must not run")));
        chain.Perturb(model, Images(), zeros(6, dtype: ScalarType.Int64)).shape.Should().Equal(6, 1, 1, 2);
    }

    [Fact]
    public void Constructor_ChainsThatMeanNothing_AreRefused()
    {
        var attack = new FgsmAttack(_threat);
        Refused<ArgumentException>(() => new WorstCaseAttack("chain"), "empty");
        Refused<ArgumentException>(() => new WorstCaseAttack("chain", attack, null!), "null");
        Refused<ArgumentNullException>(() => new WorstCaseAttack("chain", null!), "attacks");
        Refused<ArgumentException>(() => new WorstCaseAttack("", attack), "name");
        Refused<ArgumentException>(() => new WorstCaseAttack("chain", attack, new FgsmAttack(ThreatModel.L2(0.1))), "Linf(0.1), L2(0.1)");
        Refused<ArgumentException>(() => new WorstCaseAttack("chain", attack, new FgsmAttack(ThreatModel.Linf(0.2))), "Linf(0.1), Linf(0.2)");
        new WorstCaseAttack("chain", attack, new FgsmAttack(ThreatModel.Linf(0.1))).Threat.Should().Be(_threat, "equal threat models need not be one object");
    }

    [Fact]
    public void Chain_ArrayChangedAfterwards_StaysAsItWas()
    {
        IAttack[] attacks = [new FgsmAttack(_threat), new PgdAttack(_threat)];
        var chain = new WorstCaseAttack("chain", attacks);
        var text = chain.ToString();
        attacks[1] = new FgsmAttack(ThreatModel.L2(1));
        chain.ToString().Should().Be(text).And.StartWith("chain [").And.Contain("; ");
    }

    private static void Refused<T>(Func<object> create, string message) where T : ArgumentException =>
        create.Should().Throw<T>().Which.Message.Should().Contain(message);

    /// <summary>Two pixels a and b; class 0 when a is larger.</summary>
    private static LinearModel Judge() => new(tensor(new[] { 1f, -1f, -1f, 1f }, [2, 2]), zeros(2));

    /// <summary>First pixels of 0.51 to 0.55 beside second ones of 0.5, but the third, which is wrong.</summary>
    private static Tensor Images() => tensor(new[] { 0.51f, 0.5f, 0.52f, 0.5f, 0.48f, 0.5f, 0.54f, 0.5f, 0.53f, 0.5f, 0.55f, 0.5f }, [6, 1, 1, 2]);

    private static double[] FirstPixels(Tensor images)
    {
        using var first = images[.., 0, 0, 0];
        return TensorAssert.Values(first);
    }

    private static Tensor Move(Tensor images, Func<double, double> by)
    {
        var result = images.clone();
        var first = FirstPixels(images);
        for (var i = 0; i < first.Length; i++) result[i, 0, 0, 0] = (float)(first[i] + by(first[i]));
        return result;
    }

    private sealed class Step(string name, Func<Tensor, AttackContext?, Tensor> perturb) : IAttack
    {
        public string Name => name;

        public ThreatModel Threat => _threat;

        public Tensor Perturb(IModule model, Tensor images, Tensor labels, AttackContext? context = null) => perturb(images, context);
    }
}
