using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>When Square gives up, from margins that grow with the number of the query.</summary>
public sealed class SquareGiveUpTests
{
    // -10 + s after the start and s more with each query. At 1000 it is -10 + 1000 s; five times s in each of the 1000 queries that remain is enough from s = 10 / 6000
    // on. At 1500 it takes 10 / 4000.
    [Theory]
    [InlineData(10 / 6001.0, 1000)]
    [InlineData(10 / 5999.0, 1500)]
    [InlineData(10 / 4001.0, 1500)]
    [InlineData(10 / 3999.0, 2000)]
    public void Perturb_SteadyProgress_IsGivenUpWhereFiveTimesItIsTooLittle(double gain, int queries) =>
        Queries(call => -10 + gain * call, new SquareOptions { Queries = 2000 }).Should().Be(queries);

    // All progress in the first 500 queries: the mean of the first 1000, for 1000 more, is enough at 1000 where half of the way is done.
    [Theory]
    [InlineData(5.001, 1500)]
    [InlineData(4.999, 1000)]
    public void Perturb_Pause_IsForgivenWhereTheMeanProgressIsEnough(double gain, int queries) =>
        Queries(call => call == 1 ? -10 : gain - 10, new SquareOptions { Queries = 2000 }).Should().Be(queries);

    [Fact]
    public void Perturb_NoProgress_IsSeenAt1000Queries()
    {
        Queries(_ => -1, new SquareOptions { Queries = 1800 }).Should().Be(1000);
        Queries(_ => -1, new SquareOptions { Queries = 999 }).Should().Be(999);
        Queries(_ => -1, new SquareOptions { Queries = 1800, Restarts = 2 }).Should().Be(2000);
    }

    [Fact]
    public void Perturb_OtherGoalsAndSwitchedOff_TakeAllQueries()
    {
        Queries(_ => -1, new SquareOptions { Queries = 1200, GiveUp = false }).Should().Be(1200);
        Queries(_ => -1, new SquareOptions { Queries = 1200, Loss = AttackLoss.CrossEntropy }).Should().Be(1200);
        Queries(_ => -1, new SquareOptions { Queries = 1200 }, eot: 2).Should().Be(2 * 1200);
        Queries(_ => -1, new SquareOptions { Queries = 1200, Loss = AttackLoss.Margin }, targets: tensor([1L])).Should().Be(1200);
    }

    [Fact]
    public void Perturb_ManySamples_LeaveAloneAndTheOthersFindTheSame()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear(inputs: 64);
        var images = TinyModels.Random([12, 1, 8, 8], 3, low: 0.3, high: 0.7);
        var labels = model.call(images).argmax(1);
        var counting = new CountingModel(model);
        Tensor Found(bool giveUp) =>
            new SquareAttack(ThreatModel.L2(0.35), new SquareOptions { Queries = 1600, GiveUp = giveUp }).Perturb(counting, images, labels);
        var found = Found(giveUp: true);
        var forwards = counting.SampleForwards;
        TensorAssert.Same(found, Found(giveUp: false));
        (counting.SampleForwards - forwards).Should().BeGreaterThan(forwards);
        (model.call(found).argmax(1) != labels).sum().ToInt64().Should().BeInRange(2, 10);
    }

    // How many queries a single sample takes. In L2 every candidate is new, so each is an evaluation.
    private static int Queries(Func<int, double> margin, SquareOptions options, int eot = 1, Tensor? targets = null)
    {
        using var scope = NewDisposeScope();
        var calls = -1;   // the clean image is number 0
        using var model = new FuncModel(x =>
        {
            calls++;
            return tensor(new[] { 0, margin(calls) }, [1, 2]);
        });
        var images = full([1, 1, 8, 8], 0.5, ScalarType.Float64);
        new EotAttack(new SquareAttack(ThreatModel.L2(1), options), eot).Perturb(model, images, tensor([0L]), new AttackContext { Targets = targets });
        return calls;
    }
}
