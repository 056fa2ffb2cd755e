using Ardir.Core;
using Ardir.Distillation;
using TorchSharp.Modules;

namespace Ardir.Tests;

/// <summary>Resumed runs end bit-equal with every optimiser of TorchSharp, and with all options that keep state at once.</summary>
public sealed class TrainerOptimizerResumeTests
{
    private static readonly Dictionary<string, Func<IReadOnlyList<Parameter>, double, OptimizerHelper>> _optimizers = new()
    {
        ["RMSProp, centered"] = (parameters, rate) => optim.RMSProp(parameters, rate, momentum: 0.5, centered: true, weight_decay: 1e-3),
        ["Adagrad"] = (parameters, rate) => optim.Adagrad(parameters, rate, lr_decay: 0.01),
        ["Adadelta"] = (parameters, rate) => optim.Adadelta(parameters, rate),
        ["Adamax"] = (parameters, rate) => optim.Adamax(parameters, rate),
        ["ASGD"] = (parameters, rate) => optim.ASGD(parameters, rate, t0: 3),
        ["NAdam"] = (parameters, rate) => optim.NAdam(parameters, rate),
        ["RAdam"] = (parameters, rate) => optim.RAdam(parameters, rate),
        ["Rprop"] = (parameters, rate) => optim.Rprop(parameters, rate),
        ["SGD with dampening"] = (parameters, rate) => optim.SGD(parameters, rate, 0.9, dampening: 0.3),
    };

    public static TheoryData<string> Names => [.. _optimizers.Keys];

    [Theory, MemberData(nameof(Names))]
    public void Fit_OptimizerOfTorchSharp_ResumesBitEqual(string name)
    {
        using var data = TrainingWorld.Data();
        var options = TrainingWorld.Options(2) with { LearningRate = 0.01, Optimizer = TrainingOptimizer.Custom(name, _optimizers[name]), Schedule = new CosineSchedule() };
        Compare(options, data, step: 3);
    }

    [Theory]
    [InlineData(1, false)]
    [InlineData(2, true)]
    [InlineData(3, true)]
    public void Fit_EverythingThatKeepsState_ResumesBitEqual(int step, bool swa)
    {
        using var data = TrainingWorld.Data();
        Compare(
            TrainingWorld.Options(3) with
            {
                LearningRate = 0.01, Optimizer = new AdamOptimizer { AmsGrad = true, WeightDecay = 1e-3 }, Precision = TrainingPrecision.BFloat16,
                WeightPerturbation = new() { WarmupEpochs = 1 }, NonFiniteLoss = NonFiniteLoss.Skip, AccumulationSteps = 3, MaxGradientNorm = 0.5,
                WeightAveraging = swa ? new StochasticWeightAveraging { StartEpoch = 0 } : new ExponentialMovingAverage { Decay = 0.8 },
                Augmentation = new() { Padding = 1 }, Crafting = new OwnCrafting(TrainingWorld.Pgd()) { TrainMode = true }, LabelSmoothing = 0.1,
            },
            data, step);
    }

    private static void Compare(TrainerOptions options, ImageDataset data, int step)
    {
        using var folder = new TemporaryFolder();
        var expected = Run(options, data);
        var kept = options with { CheckpointDirectory = folder.Path, CheckpointInterval = TimeSpan.FromTicks(1) };
        using (var source = new CancellationTokenSource())
        {
            var stop = new ListProgress<TrainingProgress>(report =>
            {
                if (report is { Phase: TrainingPhase.Train, Epoch: 1 } && report.Step == step) source.Cancel();
            });
            FluentActions.Invoking(() => Run(kept, data, stop, source.Token)).Should().Throw<OperationCanceledException>();
        }
        var resumed = Run(kept, data);
        TrainingWorld.SameMetrics(resumed.Result.Epochs, expected.Result.Epochs);
        TrainingWorld.SameState(resumed.Last, expected.Last);
        TrainingWorld.SameState(resumed.Average, expected.Average);
        TrainingWorld.SameState(resumed.Best, expected.Best);
        if (options.NonFiniteLoss == NonFiniteLoss.Skip) expected.Result.Epochs.Sum(epoch => epoch.SkippedSteps).Should().BePositive();
    }

    private static (TrainingResult Result, Dictionary<string, double[]> Last, Dictionary<string, double[]> Average, Dictionary<string, double[]> Best) Run(
        TrainerOptions options, ImageDataset data, IProgress<TrainingProgress>? progress = null, CancellationToken token = default)
    {
        using var validation = TrainingWorld.Data(20, seed: 2);
        using var student = TrainingWorld.Student();
        using var trainer = new DistillationTrainer(student, null, new SometimesBroken(options.NonFiniteLoss == NonFiniteLoss.Skip), options);
        var result = trainer.Fit(data, validation, progress, token);
        var last = TrainingWorld.State(student);
        trainer.RestoreBest();
        var best = TrainingWorld.State(student);
        if (options.WeightAveraging is not null) trainer.RestoreAverage();
        return (result, last, TrainingWorld.State(student), best);
    }

    /// <summary>Adversarial training whose loss is NaN for about every fourth batch.</summary>
    private sealed record SometimesBroken(bool Breaks) : IDistillationLoss
    {
        public string Name => "sometimes broken";

        public DistillationNeeds Needs { get; } = new() { Passes = [NetworkPass.StudentAdversarial, NetworkPass.StudentClean] };

        public LossTerms Compute(DistillationInputs inputs)
        {
            var total = HardLabels.CrossEntropy(inputs[NetworkPass.StudentAdversarial].Output, inputs.Labels, inputs.LabelSmoothing)
                + inputs[NetworkPass.StudentClean].Output.square().mean() * 0.1;
            return new LossTerms(Breaks && inputs.Labels[0].ToInt64() == 0 && inputs.Labels[-1].ToInt64() == 1 ? total * double.NaN : total);
        }
    }
}
