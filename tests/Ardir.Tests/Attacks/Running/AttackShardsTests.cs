using System.Collections.Concurrent;
using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>An attack whose batch is split over threads finds what it finds on one, up to rounding.</summary>
public sealed class AttackShardsTests() : AttacksOnASmallNetwork(Count)
{
    private const int Count = 7;

    public static TheoryData<string> Attacks => ["PGD", "restarts", "CW", "APGD", "APGD-T", "FAB-T", "Square", "EoT", "chain", "ensemble"];

    [Theory, MemberData(nameof(Attacks))]
    public void Perturb_AnyNumberOfShards_FindsTheSamePoints(string name)
    {
        var attack = Make(name);
        using var plain = attack.Perturb(Network, Images, Labels, new AttackContext { Seed = 3 });
        foreach (var shards in new[] { 2, 3, 50 })
        {
            using var found = attack.Perturb(Network, Images, Labels, new AttackContext { Seed = 3, Shards = shards });
            TensorAssert.Close(found, plain, 1e-9);
            using var again = attack.Perturb(Network, Images, Labels, new AttackContext { Seed = 3, Shards = shards });
            TensorAssert.Same(again, found);
        }
    }

    [Fact]
    public void Perturb_TargetsAndSampleNumbers_StayWithTheirImages()
    {
        var context = new AttackContext { Seed = 3, SampleIndices = [11, 4, 9, 2, 7, 5, 30], Targets = (Labels + 1) % 3 };
        using var plain = Make("PGD").Perturb(Network, Images, Labels, context);
        using var found = Make("PGD").Perturb(Network, Images, Labels, context with { Shards = 3 });
        TensorAssert.Close(found, plain, 1e-9);
    }

    [Fact]
    public void Perturb_WithKnownOutputsCheckedBatchAndDiagnostics_UsesThemForEachPart()
    {
        using var teacher = TrainingWorld.Network(8);
        teacher.to(ScalarType.Float64);
        teacher.eval();
        var asked = 0;
        using var watched = new FuncModel(x => { Interlocked.Increment(ref asked); return teacher.call(x); }, teacher);
        watched.eval();
        var attack = new PgdAttack(Threat, new PgdOptions { Steps = 3, Loss = AttackLoss.KlToTeacher(watched) });
        using var diagnostics = new AttackDiagnostics();
        var context = new AttackContext
        {
            Known = [new KnownOutput(watched, Images, teacher.call(Images).detach())], Diagnostics = diagnostics, Checked = CheckedBatch.Of(Images, Labels, 3),
        };
        using var plain = attack.Perturb(Network, Images, Labels, context);
        using var found = attack.Perturb(Network, Images, Labels, context with { Shards = 3 });
        TensorAssert.Close(found, plain, 1e-9);
        asked.Should().Be(0);
        diagnostics.Report();
        using var broken = new FuncModel(x => Network.call(x) * double.NaN, Network);
        broken.eval();
        attack.Perturb(broken, Images, Labels, context with { Shards = 3 }).Dispose();
        FluentActions.Invoking(() => diagnostics.Report()).Should().Throw<InvalidOperationException>().WithMessage("*NaN logits*");
    }

    [Fact]
    public void Perturb_EachShard_HasAThreadOfItsOwn_AndTheCallerKeepsItsNumberOfCores()
    {
        var seen = new ConcurrentDictionary<int, (int Cores, long Samples)>();
        using var model = Watched(x => seen[Environment.CurrentManagedThreadId] = (get_num_threads(), x.shape[0]));
        set_num_threads(4);
        try
        {
            Make("PGD").Perturb(model, Images, Labels, new AttackContext { Shards = 2 }).Dispose();
            get_num_threads().Should().Be(4);
            var later = 0;
            var thread = new Thread(() => later = get_num_threads());
            thread.Start();
            thread.Join();
            later.Should().Be(4);
        }
        finally
        {
            set_num_threads(1);
        }
        seen.Values.Should().BeEquivalentTo([(2, 3L), (2, 4L)]);
        seen.Should().NotContainKey(Environment.CurrentManagedThreadId);
    }

    [Fact]
    public void Perturb_ModelInTrainModeOrWithoutAMode_IsAttackedOnTheCallersThread()
    {
        var threads = new ConcurrentDictionary<int, bool>();
        using var model = Watched(_ => threads[Environment.CurrentManagedThreadId] = true);
        model.train();
        Make("PGD").Perturb(model, Images, Labels, new AttackContext { Shards = 3, KeepModelMode = true }).Dispose();
        Make("PGD").Perturb(new OpaqueModel(model.call), Images, Labels, new AttackContext { Shards = 3 }).Dispose();
        threads.Keys.Should().Equal(Environment.CurrentManagedThreadId);
        // In eval mode for the length of the attack.
        Make("PGD").Perturb(model, Images, Labels, new AttackContext { Shards = 3 }).Dispose();
        threads.Should().HaveCount(4);
        model.modules().Should().OnlyContain(module => module.training);
    }

    [Fact]
    public void Perturb_OneShardFails_ItsExceptionIsThrown_AndTheOthersEnd()
    {
        var calls = new ConcurrentDictionary<int, int>();
        using var model = Watched(x =>
        {
            var call = calls.AddOrUpdate(Environment.CurrentManagedThreadId, 1, (_, count) => count + 1);
            if (x.shape[0] == 3 && call == 3) throw new InvalidTimeZoneException("the third call");
            Thread.Sleep(20);
        });
        var attack = new PgdAttack(Threat, new PgdOptions { Steps = 400 });
        FluentActions.Invoking(() => attack.Perturb(model, Images, Labels, new AttackContext { Shards = 2 })).Should().Throw<InvalidTimeZoneException>().WithMessage("the third call");
        calls.Values.Max().Should().BeLessThan(100);
    }

    [Fact]
    public void Perturb_Cancelled_EndsAllShardsWithTheCallersToken()
    {
        using var cancellation = new CancellationTokenSource();
        using var model = Watched(_ => cancellation.Cancel());
        FluentActions.Invoking(() => Make("PGD").Perturb(model, Images, Labels, new AttackContext { Shards = 2, CancellationToken = cancellation.Token }))
            .Should().Throw<OperationCanceledException>().Which.CancellationToken.Should().Be(cancellation.Token);
    }

    [Fact]
    public void Perturb_Progress_IsTheSumOfAllShards_OneReportAStep()
    {
        var inside = 0;
        var progress = new ListProgress<AttackProgress>(_ =>
        {
            Interlocked.Increment(ref inside).Should().Be(1, "reports come one at a time");
            Thread.Sleep(2);
            Interlocked.Decrement(ref inside);
        });
        Make("PGD").Perturb(Network, Images, Labels, new AttackContext { Shards = 3, Progress = progress }).Dispose();
        progress.Reports.Select(report => report.Step).Should().Equal(1, 2, 3, 4, 5);
        progress.Reports.Should().OnlyContain(report => report.Active == Count && report.Steps == 5);
        progress.Reports[^1].SampleForwards.Should().Be(5 * Count);
        progress.Reports[^1].SampleBackwards.Should().Be(5 * Count);
    }

    [Fact]
    public void Perturb_Progress_DoesNotWaitForAShardThatIsDone()
    {
        var progress = new ListProgress<AttackProgress>();
        // The first three images are broken from the start, so that their shard ends without a report.
        var labels = Labels.clone();
        labels[..3] = (labels[..3] + 1) % 3;
        var attack = new PgdAttack(ThreatModel.Linf(1e-6), new PgdOptions { Steps = 5, Selection = PgdSelection.FirstSuccess });
        attack.Perturb(Network, Images[..6], labels[..6], new AttackContext { Shards = 2, Progress = progress }).Dispose();
        progress.Reports.Should().NotBeEmpty();
        progress.Reports[^1].Step.Should().Be(5);
    }

    [Fact]
    public void Perturb_ZeroGradients_AreOneWarningForAllShards()
    {
        using var flat = new FuncModel(x => Network.call(x).mul(0), Network);
        flat.eval();
        string[] Warnings(int shards)
        {
            var logger = new ListLogger();
            Make("PGD").Perturb(flat, Images, zeros_like(Labels), new AttackContext { Shards = shards, Logger = logger }).Dispose();
            return [.. logger.Entries.Select(entry => entry.Message)];
        }
        Warnings(3).Should().Equal(Warnings(1)).And.HaveCount(1);
    }

    [Fact]
    public void Evaluations_InShards_CountAndFindTheSame()
    {
        var context = new AttackContext { Seed = 2 };
        using var odd = new FuncModel(x => where(x.mean([1, 2, 3]).unsqueeze(1) > 0.52, double.NaN, Network.call(x)), Network);
        odd.eval();
        foreach (var model in new[] { Network, odd })
        {
            var options = new EvaluationOptions { BatchSize = 4, Checks = EvaluationChecks.Essential };
            var plain = RobustnessEvaluator.Evaluate(model, Images, Labels, Make("APGD"), options with { Context = context });
            var found = RobustnessEvaluator.Evaluate(model, Images, Labels, Make("APGD"), options with { Context = context with { Shards = 3 } });
            found.Robust.Should().Equal(plain.Robust);
            found.Findings.Should().Equal(plain.Findings);
            // With NaN logits a run begins again, which costs a shard without them nothing.
            if (model == Network) found.Attacks.Should().BeEquivalentTo(plain.Attacks, rules => rules.Excluding(attack => attack.Elapsed));
            var ensemble = new AutoAttack(Threat, new AutoAttackOptions { Version = AutoAttackVersion.Custom, Attacks = [Make("APGD-T"), Make("Square"), Make("PGD")], BatchSize = 5 });
            using var before = ensemble.Evaluate(model, Images, Labels, context);
            using var after = ensemble.Evaluate(model, Images, Labels, context with { Shards = 2 });
            after.Robust.Should().Equal(before.Robust);
            TensorAssert.Close(after.Adversarial, before.Adversarial, 1e-9);
            if (model == Network)
            {
                after.Attacks.Select(attack => (attack.Broken, attack.SampleForwards, attack.SampleBackwards)).Should()
                    .Equal(before.Attacks.Select(attack => (attack.Broken, attack.SampleForwards, attack.SampleBackwards)));
            }
        }
    }

    [Fact]
    public void Perturb_Automatic_FindsTheSamePoints_WhateverItChooses()
    {
        using var plain = Make("PGD").Perturb(Network, Images, Labels);
        set_num_threads(2);
        try
        {
            using var found = Make("PGD").Perturb(Network, Images, Labels, new AttackContext { Shards = AttackShards.Automatic });
            TensorAssert.Close(found, plain, 1e-9);
        }
        finally
        {
            set_num_threads(1);
        }
        var threads = new ConcurrentDictionary<int, bool>();
        using var model = Watched(_ => threads[Environment.CurrentManagedThreadId] = true);
        Make("PGD").Perturb(model, Images, Labels, new AttackContext { Shards = AttackShards.Automatic }).Dispose();
        threads.Keys.Should().Equal([Environment.CurrentManagedThreadId], "there is one core to use");
    }

    [Theory, InlineData("PGD"), InlineData("ensemble")]
    public void Perturb_InShards_LeavesNoTensor_OnAnyThread(string name)
    {
        var attack = Make(name);
        var context = new AttackContext { Shards = 3, MemoryFormat = MemoryFormat.ChannelsLast };
        LeakAssert.None(() => attack.Perturb(Network, Images, Labels, context).Dispose());
        var before = Tensor.TotalCount;
        for (var run = 0; run < 3; run++) attack.Perturb(Network, Images, Labels, context).Dispose();
        Tensor.TotalCount.Should().BeLessThanOrEqualTo(before);
    }

    [Fact]
    public void Shards_BelowZero_AreRefusedByName() =>
        FluentActions.Invoking(() => new AttackContext { Shards = -1 }).Should().Throw<ArgumentOutOfRangeException>().WithMessage("*Shards must be at least 1*");

    private FuncModel Watched(Action<Tensor> watch)
    {
        var model = new FuncModel(x => { watch(x); return Network.call(x); }, Network);
        model.eval();
        return model;
    }
}
