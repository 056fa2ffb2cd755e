using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>Learning rate schedules against PyTorch's values and closed forms.</summary>
public sealed class ScheduleTests
{
    // torch.optim.lr_scheduler.OneCycleLR(max_lr=2, total_steps=20), divided by 2.
    private static readonly double[] _oneCycle =
    [
        0.040000000000000036, 0.1316718427000253, 0.3716718427000253, 0.6683281572999747, 0.9083281572999747, 1.0, 0.9874640062350873, 0.9504846320134737, 0.89091617757105,
        0.8117456539497631, 0.7169430017913008, 0.6112620219362893, 0.500002, 0.38874197806371075, 0.28306099820869923, 0.18825834605023697, 0.10908782242895004, 0.049519367986526286,
        0.012539993764912554, 4e-06,
    ];

    // torch.optim.lr_scheduler.CosineAnnealingLR(T_max=20, eta_min=0.2) of a learning rate of 2, divided by 2.
    private static readonly double[] _cosine =
    [
        1.0, 0.994459753267812, 0.9779754323328191, 0.9509529358847655, 0.9140576474687263, 0.8681980515339464, 0.8145033635316129, 0.7542957248827961, 0.6890576474687264, 0.620395509268104,
        0.5500000000000002, 0.47960449073189637, 0.41094235253127387, 0.34570427511720414, 0.2854966364683873, 0.23180194846605376, 0.18594235253127378, 0.14904706411523455, 0.12202456766718094,
        0.10554024673218806,
    ];

    [Fact]
    public void OneCycle_TwentySteps_FollowsPyTorch() => Factors(new OneCycleSchedule()).Should().SatisfyRespectively(_oneCycle.Select(Close));

    [Fact]
    public void Cosine_TwentySteps_FollowsPyTorch() => Factors(new CosineSchedule(0.1)).Should().SatisfyRespectively(_cosine.Select(Close));

    [Fact]
    public void Linear_TwentySteps_IsAStraightLine() =>
        Factors(new LinearSchedule(0.5)).Should().SatisfyRespectively(Enumerable.Range(0, 20).Select(step => Close(1 - step / 40.0)));

    [Fact]
    public void MultiStep_AtItsMilestones_Decays() =>
        Factors(new MultiStepSchedule([1, 3], 0.5)).Should().SatisfyRespectively(Enumerable.Range(0, 20).Select(step => Close(step < 5 ? 1 : step < 15 ? 0.5 : 0.25)));

    [Fact]
    public void LearningRate_ScheduleWithWarmUp_IsTheProduct()
    {
        var options = new TrainerOptions { LearningRate = 0.2, Epochs = 4, Schedule = new LinearSchedule(), WarmupEpochs = 1 };
        LearningRate.At(options, new TrainingMoment(0, 4, 1, 5)).Should().BeApproximately(0.2 * (1 - 1 / 20.0) * 2 / 5, 1e-15);
        LearningRate.At(options, new TrainingMoment(1, 4, 0, 5)).Should().BeApproximately(0.2 * 0.75, 1e-15);
    }

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(-0.5)]
    [InlineData(double.PositiveInfinity)]
    public void LearningRate_ScheduleThatGivesNoRate_IsNamed(double factor)
    {
        var options = new TrainerOptions { Schedule = new Constant(factor) };
        FluentActions.Invoking(() => LearningRate.At(options, new TrainingMoment(2, 4, 3, 5))).Should().Throw<InvalidOperationException>().WithMessage("*Constant*step 3 of epoch 2*");
    }

    [Fact]
    public void Options_OutOfRange_AreNamed()
    {
        FluentActions.Invoking(() => new CosineSchedule(-0.1)).Should().Throw<ArgumentOutOfRangeException>().WithParameterName("Final");
        FluentActions.Invoking(() => new LinearSchedule { Final = 2 }).Should().Throw<ArgumentOutOfRangeException>().WithParameterName("Final");
        FluentActions.Invoking(() => new OneCycleSchedule { Rise = 1 }).Should().Throw<ArgumentOutOfRangeException>().WithParameterName("Rise");
        FluentActions.Invoking(() => new OneCycleSchedule { StartDivisor = 0 }).Should().Throw<ArgumentOutOfRangeException>().WithParameterName("StartDivisor");
        FluentActions.Invoking(() => new MultiStepSchedule([3, 2])).Should().Throw<ArgumentException>().WithMessage("*[3, 2]*increasing*");
        FluentActions.Invoking(() => new MultiStepSchedule([3], 0)).Should().Throw<ArgumentOutOfRangeException>();
    }

    private static Action<double> Close(double expected) => actual => actual.Should().BeApproximately(expected, 1e-12);

    private static double[] Factors(ILearningRateSchedule schedule) => [.. Enumerable.Range(0, 20).Select(step => schedule.Factor(new TrainingMoment(step / 5, 4, step % 5, 5)))];

    private sealed record Constant(double Value) : ILearningRateSchedule
    {
        public double Factor(TrainingMoment moment) => Value;
    }

    [Theory]
    [InlineData(0.5, 2)]
    [InlineData(0.25, 4)]
    [InlineData(0.1, 10)]
    public void OneCycle_RiseOfOneStep_BeginsAtThePeak(double rise, int steps)
    {
        var schedule = new OneCycleSchedule { Rise = rise };
        var factors = Enumerable.Range(0, steps).Select(step => schedule.Factor(new TrainingMoment(0, 1, step, steps))).ToList();
        factors[0].Should().Be(1);
        factors.Should().BeInDescendingOrder();
    }
}
