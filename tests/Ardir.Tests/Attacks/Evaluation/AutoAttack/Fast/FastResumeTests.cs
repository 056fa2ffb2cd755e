using Ardir.Attacks;

namespace Ardir.Tests;

/// <summary>The fast version stopped and resumed, in the sample and after it, and what those who watch it are told.</summary>
public sealed class FastResumeTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Run_StoppedAfterEveryBatch_EndsAsIfNothingHadHappened(bool escalates)
    {
        using var scope = NewDisposeScope();
        IModule model = escalates ? FastModels.Masked() : FastModels.Plain();
        using var whole = FastModels.Run(model, batchSize: 4);
        whole.Sampling!.Escalated.Should().Be(escalates);
        var (path, stops) = (_folder.File("run.state"), new List<string>());
        while (Stopped(model, path) is { } at)
        {
            stops.Add(at);
            // A torn last record, as a process killed while it writes leaves it.
            using var file = new FileStream(path, FileMode.Append);
            file.Write([200, 0, 0, 0, 9, 0]);
        }
        stops.Count(stop => stop == "Square 0").Should().BeGreaterThan(1, "it was stopped within the sample");
        stops.Count(stop => stop == "Square 1").Should().Match(count => escalates == (count > 1));
        using var resumed = FastModels.Run(model, batchSize: 4, path: path);
        resumed.Tally.BrokenBy.Should().Equal(whole.Tally.BrokenBy);
        resumed.Tally.Predictions.Should().Equal(whole.Tally.Predictions);
        resumed.Sampling.Should().Be(whole.Sampling);
        resumed.Tally.Done.Select(batch => (batch.Attack, batch.Unit, batch.Cursor, batch.Forwards, batch.Backwards)).Should()
            .Equal(whole.Tally.Done.Select(batch => (batch.Attack, batch.Unit, batch.Cursor, batch.Forwards, batch.Backwards)));
        TensorAssert.Same(resumed.Adversarial, whole.Adversarial);
    }

    [Fact]
    public void Evaluate_StoppedAfterTheSample_Resumes()
    {
        using var scope = NewDisposeScope();
        var options = FastModels.Options(AutoAttackVersion.Fast) with { StatePath = _folder.File("run.state") };
        using var whole = FastModels.Evaluate(FastModels.Masked(), options with { StatePath = null }, count: 30);
        using var stop = new CancellationTokenSource();
        var progress = new ListProgress<AttackProgress>(report => { if (report is { Attack: "Square", Evaluation: not null }) stop.Cancel(); });
        var cut = () => FastModels.Evaluate(FastModels.Masked(), options, new AttackContext { CancellationToken = stop.Token, Progress = progress }, count: 30);
        cut.Should().Throw<OperationCanceledException>();
        using var resumed = FastModels.Evaluate(FastModels.Masked(), options, count: 30);
        resumed.SquareSample.Should().Be(whole.SquareSample);
        resumed.SquareSample!.Escalated.Should().BeTrue();
        resumed.BrokenBy.Should().Equal(whole.BrokenBy);
        resumed.Attacks.Select(attack => (attack.Broken, attack.SampleForwards, attack.SampleBackwards, attack.RobustAccuracyAfter)).Should()
            .Equal(whole.Attacks.Select(attack => (attack.Broken, attack.SampleForwards, attack.SampleBackwards, attack.RobustAccuracyAfter)));
        TensorAssert.Same(resumed.Adversarial, whole.Adversarial);
    }

    [Fact]
    public void Evaluate_StateOfAnotherBound_IsRefused()
    {
        using var scope = NewDisposeScope();
        var options = FastModels.Options(AutoAttackVersion.Fast) with { StatePath = _folder.File("run.state") };
        FastModels.Evaluate(FastModels.Plain(), options, count: 4).Dispose();
        var bound = () => FastModels.Evaluate(FastModels.Plain(), options with { FastBound = 0.3 }, count: 4);
        bound.Should().Throw<InvalidOperationException>().WithMessage("*version: was 'Fast with a bound of 0.1'*'Fast with a bound of 0.3'*");
        var version = () => FastModels.Evaluate(FastModels.Plain(), FastModels.Options(AutoAttackVersion.Standard) with { StatePath = options.StatePath }, count: 4);
        version.Should().Throw<InvalidOperationException>().WithMessage("*version: was*");
    }

    [Fact]
    public void Of_BoundsOfTheFastVersion_TellsThemApart()
    {
        string Of(AutoAttackVersion version, double bound) => AttackIdentity.Of([new AutoAttack(FastModels.Threat, FastModels.Options(version, bound))]);
        new[] { Of(AutoAttackVersion.Fast, 0.2), Of(AutoAttackVersion.Fast, 0.3), Of(AutoAttackVersion.Standard, 0.3) }.Should().OnlyHaveUniqueItems();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Run_Progress_NeverGoesBackAndEndsAtOne(bool escalates)
    {
        using var scope = NewDisposeScope();
        var progress = new ListProgress<AttackProgress>();
        IModule model = escalates ? FastModels.Masked() : FastModels.Plain();
        FastModels.Run(model, batchSize: 2, new AttackContext { Progress = progress }).Dispose();
        var fractions = progress.Reports.Select(value => value.Fraction!.Value).ToArray();
        fractions.Should().BeInAscendingOrder();
        fractions[0].Should().BeLessThan(0.05);
        fractions[^1].Should().Be(1);
        var sample = progress.Reports.Where(value => value is { Attack: "Square", Step: 0, Evaluation: not null }).Select(value => value.Fraction!.Value).ToArray();
        // As long as a hit is possible, the rest of the survivors is still to come.
        sample[..^1].Should().OnlyContain(fraction => fraction < 0.9);
        if (escalates) sample[^1].Should().BeLessThan(0.9);
        else sample[^1].Should().Be(1);
    }

    public void Dispose() => _folder.Dispose();

    // Null when it came to its end. A resumed run first reports what is done already; the next report with an evaluation ends a batch.
    private static string? Stopped(IModule model, string path)
    {
        using var stop = new CancellationTokenSource();
        var (isFirst, last, isNew) = (true, "", !File.Exists(path));
        var progress = new ListProgress<AttackProgress>(report =>
        {
            if (report.Evaluation is null) return;
            if (!isFirst || isNew) stop.Cancel();
            (isFirst, last) = (false, $"{report.Attack} {report.Step}");
        });
        try
        {
            FastModels.Run(model, batchSize: 4, new AttackContext { CancellationToken = stop.Token, Progress = progress }, path).Dispose();
            return null;
        }
        catch (OperationCanceledException)
        {
            return last;
        }
    }
}
