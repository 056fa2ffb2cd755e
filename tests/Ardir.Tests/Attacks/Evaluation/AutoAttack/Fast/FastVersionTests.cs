using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>The fast version: what the standard one finds, with Square on a sample where the sample shows that this is enough.</summary>
public sealed class FastVersionTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void Evaluate_SquareFindsNothing_EqualsStandardAndSparesTheOthers()
    {
        using var scope = NewDisposeScope();
        var model = FastModels.Plain();
        using var standard = FastModels.Evaluate(model, FastModels.Options(AutoAttackVersion.Standard));
        using var fast = FastModels.Evaluate(model, FastModels.Options(AutoAttackVersion.Fast));
        standard.SquareSample.Should().BeNull();
        var sample = fast.SquareSample!;
        (sample.Images, sample.Survivors, sample.Broken, sample.Escalated).Should().Be((60, standard.Attacks[3].Attacked, 0, false));
        sample.Sampled.Should().Be(SampleBound.SampleSize(sample.Survivors, 6)).And.BeInRange(2, sample.Survivors / 2);
        sample.MissedAtMost.Should().Be(SampleBound.MissedAtMost(sample.Survivors, sample.Sampled)).And.BeInRange(1, 6);
        sample.MissedShare.Should().Be(sample.MissedAtMost / 60.0);
        fast.Robust.Should().Equal(standard.Robust);
        fast.BrokenBy.Should().Equal(standard.BrokenBy);
        Costs(fast).SkipLast(1).Should().Equal(Costs(standard).SkipLast(1), "only Square differs");
        sample.SampleEvaluations.Should().Be(fast.Attacks[3].SampleForwards);
        sample.SavedEvaluations.Should().Be((long)Math.Round(fast.Attacks[3].SampleForwards * (sample.Survivors - sample.Sampled) / (double)sample.Sampled));
        sample.SavedShare.Should().BeApproximately(1 - sample.Sampled / (double)sample.Survivors, 1e-4);
        // What it says to have saved is what the standard version spent more, but for differences between images.
        (standard.Attacks[3].SampleForwards - fast.Attacks[3].SampleForwards).Should().BeCloseTo(sample.SavedEvaluations, (ulong)sample.SavedEvaluations / 5);
    }

    [Fact]
    public void Evaluate_OnlySquareBreaks_RunsOnAllAndEqualsStandard()
    {
        using var scope = NewDisposeScope();
        var model = FastModels.Masked();
        using var standard = FastModels.Evaluate(model, FastModels.Options(AutoAttackVersion.Standard));
        using var fast = FastModels.Evaluate(model, FastModels.Options(AutoAttackVersion.Fast));
        standard.Attacks[3].Broken.Should().BeGreaterThan(9, "nothing leads the others");
        var sample = fast.SquareSample!;
        (sample.Escalated, sample.MissedAtMost, sample.SavedEvaluations, sample.SavedShare).Should().Be((true, 0, 0L, 0.0));
        sample.Sampled.Should().BeLessThan(sample.Survivors);
        sample.Broken.Should().BeInRange(1, sample.Sampled);
        fast.Robust.Should().Equal(standard.Robust);
        fast.BrokenBy.Should().Equal(standard.BrokenBy);
        fast.Predictions.Should().Equal(standard.Predictions);
        fast.Attacks[3].Broken.Should().Be(standard.Attacks[3].Broken);
        fast.Attacks[3].SampleForwards.Should().Be(standard.Attacks[3].SampleForwards, "no image is attacked twice");
        TensorAssert.Close(fast.Adversarial, standard.Adversarial, 1e-6);
    }

    [Theory]
    [InlineData(1, false)]
    [InlineData(1, true)]
    [InlineData(7, false)]
    [InlineData(7, true)]
    public void Run_BatchSize_ChangesNeitherSampleNorResult(int batchSize, bool escalates)
    {
        using var scope = NewDisposeScope();
        IModule model = escalates ? FastModels.Masked() : FastModels.Plain();
        using var whole = FastModels.Run(model, 256);
        using var parts = FastModels.Run(model, batchSize);
        whole.Sampling!.Escalated.Should().Be(escalates);
        parts.Sampling.Should().Be(whole.Sampling);
        parts.Tally.BrokenBy.Should().Equal(whole.Tally.BrokenBy);
    }

    [Fact]
    public void Draw_SeedsAndNumbers_DecideWhoIsDrawn()
    {
        using var scope = NewDisposeScope();
        string Drawn(ulong seed, long[]? numbers = null)
        {
            var task = Task(seed, numbers, bound: 0.1);
            var sample = SurvivorSample.Draw(task, Tally(40));
            return string.Concat(Enumerable.Range(0, 40).Select(image => sample.Due(0)(image) ? '1' : '0'));
        }
        Drawn(1).Should().Be(Drawn(1)).And.NotBe(Drawn(2)).And.Contain("1").And.Contain("0");
        long[] backwards = [.. Enumerable.Range(0, 40).Select(image => 39L - image)];
        new string([.. Drawn(1, backwards).Reverse()]).Should().Be(Drawn(1), "the number of an image counts, not its position");
        // Every image is drawn about equally often.
        var often = Enumerable.Range(0, 400).Select(seed => Drawn((ulong)seed)).ToList();
        var share = SampleBound.SampleSize(40, 4) / 40.0;
        for (var image = 0; image < 40; image++)
            (often.Count(drawn => drawn[image] == '1') / 400.0).Should().BeApproximately(share, 0.12);
    }

    [Fact]
    public void Draw_InTheMiddleOfTheAttack_IsTheSameSample()
    {
        using var scope = NewDisposeScope();
        var (task, tally) = (Task(5, null, bound: 0.1), Tally(40));
        var before = SurvivorSample.Draw(task, tally);
        long[] members = [.. Enumerable.Range(0, 40).Select(image => (long)image).Where(before.Due(0))];
        before.Rest(0, -1).Should().Be(40, "until the sample is done all may have to be attacked");
        tally.Add(Batch(members[1], [members[0]]));
        var after = SurvivorSample.Draw(task, tally);
        Enumerable.Range(0, 40).Where(image => after.Due(0)(image)).Should().Equal(members.Select(member => (int)member));
        Enumerable.Range(0, 40).Count(image => after.Due(1)(image)).Should().Be(40 - members.Length);
        after.Rest(0, members[1]).Should().Be(40 - 2);
        tally.Add(Batch(members[^1], []));
        after.Rest(0, members[^1]).Should().Be(40 - members.Length);
        after.Rest(1, -1).Should().Be(40 - members.Length);
    }

    [Fact]
    public void Rest_SampleWithoutHit_IsNothing()
    {
        using var scope = NewDisposeScope();
        var tally = Tally(40);
        var sample = SurvivorSample.Draw(Task(5, null, bound: 0.1), tally);
        var last = Enumerable.Range(0, 40).Last(image => sample.Due(0)(image));
        sample.Rest(0, last).Should().Be(40 - Enumerable.Range(0, 40).Count(image => sample.Due(0)(image)), "its last batch is still running");
        tally.Add(Batch(last, []));
        sample.Rest(0, last).Should().Be(0);
        Enumerable.Range(0, 40).Count(image => sample.Due(1)(image)).Should().Be(0);
    }

    [Fact]
    public void Evaluate_NoSurvivor_SaysThatNothingIsMissing()
    {
        using var scope = NewDisposeScope();
        var images = TinyModels.Images(5);
        using var report = new AutoAttack(ThreatModel.Linf(0.9), FastModels.Options(AutoAttackVersion.Fast)).Evaluate(FastModels.Plain(), images, FastModels.Plain().call(images).argmax(1));
        report.RobustAccuracy.Should().Be(0);
        report.SquareSample.Should().Be(new SquareSample { Images = 5, Survivors = 0, Sampled = 0, Broken = 0, MissedAtMost = 0, SampleEvaluations = 0, SavedEvaluations = 0 });
        report.SquareSample!.ToString().Should().Be("Square ran on all 0 images that had resisted until then: the result is that of the standard version.");
    }

    [Fact]
    public void Reports_InEveryForm_SayWhatMayBeMissing()
    {
        using var scope = NewDisposeScope();
        using var report = FastModels.Evaluate(FastModels.Plain(), FastModels.Options(AutoAttackVersion.Fast), count: 30);
        report.SaveJson(_folder.File("r.json"));
        report.SaveMarkdown(_folder.File("r.md"));
        report.SaveHtml(_folder.File("r.html"));
        var text = report.SquareSample!.ToString();
        text.Should().Contain("With 95 % confidence the standard version would find at most");
        File.ReadAllText(_folder.File("r.md")).Should().Contain(text);
        File.ReadAllText(_folder.File("r.html")).Should().Contain(text);
        JsonReport.Read(_folder.File("r.json")).SquareSample.Should().Be(report.SquareSample);
        File.ReadAllText(_folder.File("r.json")).Should().Contain("\"missedAtMost\": ").And.Contain("\"savedShare\": ").And.Contain("\"escalated\": false");
    }

    [Fact]
    public void ToString_AnyOutcome_IsPlainEnglish()
    {
        var sample = new SquareSample { Images = 2000, Survivors = 1352, Sampled = 180, Broken = 0, MissedAtMost = 20, SampleEvaluations = 180_000, SavedEvaluations = 1_172_000 };
        sample.ToString().Should().Be(
            "Square ran on a random sample of 180 of the 1,352 images that had resisted until then and broke none. With 95 % confidence the standard version would find at most 20 more images " +
            "(1.00 points). That saved about 1,172,000 evaluations, 87 % of the cost of Square.");
        (sample with { MissedAtMost = 1 }).ToString().Should().Contain("at most 1 more image (0.05 points)");
        (sample with { Broken = 2, MissedAtMost = 0, SavedEvaluations = 0 }).ToString().Should().Be(
            "Square broke 2 of a random sample of 180 of the 1,352 images that had resisted until then, so it ran on all of them: the result is that of the standard version.");
        (sample with { Sampled = 1352, MissedAtMost = 0, SavedEvaluations = 0 }).ToString().Should().Be(
            "Square ran on all 1,352 images that had resisted until then: the result is that of the standard version.");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(-0.1)]
    [InlineData(double.NaN)]
    public void Constructor_BoundThatIsNoShare_IsRefused(double bound)
    {
        var act = () => new AutoAttack(FastModels.Threat, FastModels.Options(AutoAttackVersion.Fast, bound));
        act.Should().Throw<ArgumentOutOfRangeException>().WithMessage("*one percentage point*").Which.ParamName.Should().Be("FastBound");
    }

    [Fact]
    public void Constructor_WhatTheFastVersionCannotDo_IsRefused()
    {
        var other = () => new AutoAttack(FastModels.Threat, new AutoAttackOptions { FastBound = 0.05 });
        other.Should().Throw<ArgumentException>().WithMessage("*the version is Standard*AutoAttackVersion.Fast*");
        var own = () => new AutoAttack(FastModels.Threat, new AutoAttackOptions { Version = AutoAttackVersion.Fast, Attacks = [new FgsmAttack(FastModels.Threat)] });
        own.Should().Throw<ArgumentException>().WithMessage("*Attacks is set, but the version is Fast*");
        var threat = () => new AutoAttack(new BoxThreat(0.1, 0, 1), new AutoAttackOptions { Version = AutoAttackVersion.Fast });
        threat.Should().Throw<ArgumentException>().WithMessage("FAB-T and Square of the Fast version have formulas for norm balls only*");
    }

    [Fact]
    public void Evaluate_SecurityCurve_IsThatOfTheStandardVersion()
    {
        using var scope = NewDisposeScope();
        double[] budgets = [0.02, 0.2];
        using var fast = FastModels.Evaluate(FastModels.Plain(), FastModels.Options(AutoAttackVersion.Fast) with { SecurityCurve = budgets }, count: 20);
        using var standard = FastModels.Evaluate(FastModels.Plain(), FastModels.Options(AutoAttackVersion.Standard) with { SecurityCurve = budgets }, count: 20);
        fast.Data.SecurityCurve.Should().Equal(standard.Data.SecurityCurve);
    }

    public void Dispose() => _folder.Dispose();

    private static IEnumerable<(int, int, long, long)> Costs(RobustnessReport report) =>
        report.Attacks.Select(attack => (attack.Attacked, attack.Broken, attack.SampleForwards, attack.SampleBackwards));

    private static EnsembleTask Task(ulong seed, long[]? numbers, double bound) => new()
    {
        Attacks = [new SquareAttack(FastModels.Threat)], Threat = FastModels.Threat, Model = null!, Images = zeros(40, 1, 4, 4), Labels = zeros(40),
        BatchSize = 8, Context = new AttackContext { Seed = seed, SampleIndices = numbers }, Sampled = new SampledAttack(0, bound),
    };

    private static EnsembleTally Tally(int count)
    {
        var tally = new EnsembleTally([new SquareAttack(FastModels.Threat)], count);
        tally.Begin([.. Enumerable.Repeat(true, count)], new long[count]);
        return tally;
    }

    private static EnsembleBatch Batch(long cursor, long[] broken) => new()
    {
        Attack = 0, Unit = 0, Cursor = cursor, Broken = broken, Predictions = new long[broken.Length], Forwards = 1, Backwards = 0, Unconfirmed = 0,
        ZeroGradients = [], NonFiniteGradients = [], PartsWithoutGradient = [], FollowsGradients = false, Seconds = 0,
    };
}
