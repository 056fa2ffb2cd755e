using Ardir.Attacks;
using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>What belongs to the first rank alone, what all ranks decide together, and how a run of several ranks goes on.</summary>
public sealed class DistributedRunTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Fit_OnlyTheFirstRank_WritesFilesLogsAndReportsProgress()
    {
        var loggers = new[] { new ListLogger(), new ListLogger() };
        var progress = new[] { new ListProgress<TrainingProgress>(), new ListProgress<TrainingProgress>() };
        DistributedWorld.Train(2, ranks => new()
        {
            Progress = progress[ranks.Rank], Validates = true,
            Options = DistributedWorld.Options with { CheckpointDirectory = _folder.File($"{ranks.Rank}"), Logger = loggers[ranks.Rank] },
        });
        Directory.GetFiles(_folder.File("0")).Select(Path.GetFileName).Should().Contain(["last.safetensors", "best.safetensors"]);
        Directory.Exists(_folder.File("1")).Should().BeFalse();
        progress[0].Reports.Count(report => report.Phase == TrainingPhase.EpochEnd).Should().Be(2);
        loggers[0].Entries.Should().Contain(entry => entry.Message.StartsWith("Epoch 1:"));
        progress[1].Reports.Should().BeEmpty();
        loggers[1].Entries.Should().BeEmpty();
        progress[0].Reports.Where(report => report.Phase == TrainingPhase.Train).Select(report => report.Loss.HasValue).Should().Contain(true);
    }

    [Fact]
    public void Fit_ProgressWithinAnEpoch_HasTheMeanLossOfAllRanks()
    {
        var given = new DistributedWorld.Given { Options = DistributedWorld.Options with { Epochs = 1 } };
        var (alone, several) = (new ListProgress<TrainingProgress>(), new ListProgress<TrainingProgress>());
        DistributedWorld.Alone(given with { Progress = alone });
        DistributedWorld.Train(3, given with { Progress = several });
        var expected = alone.Reports.Where(report => report.Phase == TrainingPhase.Train).Select(report => report.Loss!.Value).ToList();
        var found = several.Reports.Where(report => report.Phase == TrainingPhase.Train).Select(report => report.Loss!.Value).ToList();
        found.Should().HaveCount(2).And.HaveSameCount(expected);
        found.Zip(expected).Should().OnlyContain(pair => Math.Abs(pair.First - pair.Second) < DistributedWorld.Tolerance);
    }

    [Fact]
    public void Fit_WeightsThatDiffer_BecomeThoseOfTheFirstRank()
    {
        var given = new DistributedWorld.Given { Loss = "Sum" };
        var ranks = DistributedWorld.Train(2, ranks => given with { StudentSeed = ranks.Rank == 0 ? 1u : 2u });
        DistributedWorld.Same(ranks, DistributedWorld.Alone(given), "weights of rank 0");
    }

    public static TheoryData<string, string, Func<object, object>> OtherRuns => new()
    {
        { "data", "training set", given => ((DistributedWorld.Given)given) with { DataSeed = 2 } },
        { "images", "training set", given => ((DistributedWorld.Given)given) with { Images = 14 } },
        { "validation", "validation set", given => ((DistributedWorld.Given)given) with { Validates = true } },
        { "teacher", "teacher", given => ((DistributedWorld.Given)given) with { TeacherSeed = 9 } },
        { "loss", "loss", given => ((DistributedWorld.Given)given) with { Loss = "MART" } },
        { "option", "LearningRate: '0.02' and '0.03'", given => ((DistributedWorld.Given)given) with { Options = DistributedWorld.Options with { LearningRate = 0.03 } } },
        { "epochs", "Epochs: '2' and '3'", given => ((DistributedWorld.Given)given) with { Options = DistributedWorld.Options with { Epochs = 3 } } },
    };

    [Theory, MemberData(nameof(OtherRuns))]
    public void Fit_RanksWithOtherRuns_AreRefusedNamingWhatDiffersBeforeAnyWork(string name, string key, Func<object, object> change)
    {
        var given = new DistributedWorld.Given();
        var messages = ThreadCollective.Run(3, ranks =>
        {
            var own = ranks.Rank == 2 ? (DistributedWorld.Given)change(given) : given;
            own = own with { Options = own.Options with { CheckpointDirectory = _folder.File(name) } };
            return FluentActions.Invoking(() => DistributedWorld.Train(ranks, own)).Should().Throw<InvalidOperationException>().Which.Message;
        });
        messages.Should().OnlyContain(message => message.Contains("Rank 0 and rank 2") && message.Contains(key));
        (Directory.Exists(_folder.File(name)) ? Directory.GetFiles(_folder.File(name), "*.safetensors") : []).Should().BeEmpty();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Fit_ResumedByOtherNumbersOfRanks_EndsAsOneProcessDoes(bool withinEpochs)
    {
        var options = DistributedWorld.Options with
        {
            Epochs = 3, CheckpointInterval = withinEpochs ? TimeSpan.FromTicks(1) : null, WeightAveraging = new ExponentialMovingAverage { Decay = 0.5 },
        };
        var given = new DistributedWorld.Given { Loss = "Sum", Options = options };
        var expected = DistributedWorld.Alone(given with { Options = options with { CheckpointDirectory = _folder.File("once") } });
        var resumed = given with { Options = options with { CheckpointDirectory = _folder.File("resumed") } };
        Stop(2, resumed, epoch: 1, step: 1);
        Stop(3, resumed, epoch: 2, step: 1);
        var ended = DistributedWorld.Train(1, resumed)[0];
        DistributedWorld.Same([ended], expected, "2, 3 and 1 ranks");
        // The other way round, from one process to three ranks, which read nothing from a disk of their own.
        var back = given with { Options = options with { CheckpointDirectory = _folder.File("back") } };
        Stop(1, back, epoch: 1, step: 1);
        var ranks = DistributedWorld.Train(3, ranks => given with { Options = options with { CheckpointDirectory = _folder.File(ranks.Rank == 0 ? "back" : "other") } });
        Directory.Exists(_folder.File("other")).Should().BeFalse();
        DistributedWorld.Same(ranks, expected, "1 and 3 ranks");
        DistributedWorld.Close(Tensors("back"), Tensors("once"), "checkpoint");
    }

    [Fact]
    public void Fit_FinishedRun_IsReturnedAtEveryRankWithItsWeights()
    {
        var given = new DistributedWorld.Given { Validates = true, Options = DistributedWorld.Options with { CheckpointDirectory = _folder.Path } };
        var first = DistributedWorld.Train(2, given);
        var again = DistributedWorld.Train(3, given with { StudentSeed = 7 });
        DistributedWorld.Same(again, first[0], "finished");
    }

    [Fact]
    public void RestoreBestLastAndAverage_AtEveryRank_GiveTheFirstRanksWeights()
    {
        var states = new Dictionary<string, double[]>[3, 3];
        foreach (var folder in new[] { null, _folder.Path })
        {
            DistributedWorld.Train(3, ranks => new()
            {
                Validates = true,
                Options = DistributedWorld.Options with { CheckpointDirectory = folder, WeightAveraging = new ExponentialMovingAverage { Decay = 0.5 } },
                Afterwards = (trainer, student) =>
                {
                    var last = TrainingWorld.State(student);
                    trainer.RestoreAverage();
                    states[ranks.Rank, 0] = TrainingWorld.State(student);
                    trainer.RestoreBest();
                    states[ranks.Rank, 1] = TrainingWorld.State(student);
                    trainer.RestoreLast();
                    states[ranks.Rank, 2] = TrainingWorld.State(student);
                    TrainingWorld.SameState(states[ranks.Rank, 2], last);
                },
            });
            states[0, 0]["conv1.weight"].Should().NotEqual(states[0, 2]["conv1.weight"]);
            for (var what = 0; what < 3; what++)
                for (var rank = 1; rank < 3; rank++) TrainingWorld.SameState(states[rank, what], states[0, what]);
        }
    }

    [Fact]
    public void RestoreAverage_WithoutOne_FailsAtEveryRank()
    {
        var messages = ThreadCollective.Run(2, ranks =>
        {
            var message = "";
            DistributedWorld.Train(ranks, new()
            {
                Afterwards = (trainer, _) => message = trainer.Invoking(t => t.RestoreAverage()).Should().Throw<InvalidOperationException>().Which.Message,
            });
            return message;
        });
        messages.Should().OnlyContain(message => message.Contains("There is no average of weights"));
        messages[1].Should().StartWith("Rank 0 failed");
    }

    [Fact]
    public void Fit_FolderThatCannotBeWritten_FailsAtEveryRank()
    {
        File.WriteAllText(_folder.File("file"), "");
        var failures = ThreadCollective.Run(2, ranks => FluentActions.Invoking(() => DistributedWorld.Train(ranks, new()
        {
            Options = DistributedWorld.Options with { CheckpointDirectory = _folder.File("file") },
        })).Should().Throw<Exception>().Which);
        failures[0].Should().BeOfType<IOException>();
        failures[1].Should().BeOfType<InvalidOperationException>().Which.Message.Should().Contain("IOException").And.Contain(_folder.File("file"));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Fit_CancelledAtOneRank_EndsAllAtTheSameStep(int at)
    {
        var steps = new int[3];
        var failures = ThreadCollective.Run(3, ranks =>
        {
            using var source = new CancellationTokenSource();
            var given = new DistributedWorld.Given
            {
                Cancellation = source.Token,
                OwnLoss = (_, _) => new CountingLoss(call =>
                {
                    steps[ranks.Rank] = call;
                    if (ranks.Rank == at && call == 3) source.Cancel();
                    return false;
                }),
            };
            return FluentActions.Invoking(() => DistributedWorld.Train(ranks, given)).Should().Throw<OperationCanceledException>().Which;
        });
        steps.Should().OnlyContain(step => step == 3);
        failures[at].CancellationToken.IsCancellationRequested.Should().BeTrue();
        failures[1 - at].Message.Should().Contain("another rank");
    }

    [Fact]
    public void Fit_EvaluationAfterAnEpoch_IsSharedByTheRanks()
    {
        var images = new long[4];
        DistributedWorld.Given Counting(int at) => new()
        {
            Validates = true,
            Options = DistributedWorld.Options with { Epochs = 1, EvaluationBatchSize = 2, SelectionAttack = new WatchedAttack(TrainingWorld.Pgd(), (_, x, _) => images[at] += x.shape[0]) },
        };
        var alone = DistributedWorld.Alone(Counting(3));
        DistributedWorld.Same(DistributedWorld.Train(3, ranks => Counting(ranks.Rank)), alone, "shared");
        images[3].Should().BePositive();
        images[..3].Sum().Should().Be(images[3]);
        images[..3].Should().OnlyContain(count => count < images[3]);
    }

    [Fact]
    public void Fit_CancelledWithinAnEvaluationAtOneRank_EndsAllRanks()
    {
        ThreadCollective.Run(2, ranks =>
        {
            using var source = new CancellationTokenSource();
            var watched = new WatchedAttack(TrainingWorld.Pgd(), (_, _, _) => { if (ranks.Rank == 1) source.Cancel(); });
            var given = new DistributedWorld.Given
            {
                Validates = true, Cancellation = source.Token, Options = DistributedWorld.Options with { EvaluationBatchSize = 2, SelectionAttack = watched },
            };
            return FluentActions.Invoking(() => DistributedWorld.Train(ranks, given)).Should().Throw<OperationCanceledException>();
        });
    }

    [Fact]
    public void Fit_CancelledBeforeItBegins_EndsAllRanks()
    {
        using var source = new CancellationTokenSource();
        source.Cancel();
        ThreadCollective.Run(2, ranks =>
            FluentActions.Invoking(() => DistributedWorld.Train(ranks, new() { Cancellation = ranks.Rank == 1 ? source.Token : default })).Should().Throw<OperationCanceledException>());
    }

    [Fact]
    public void Fit_NonFiniteLossAtOneRank_IsSkippedAtAll()
    {
        var options = DistributedWorld.Options with { NonFiniteLoss = NonFiniteLoss.Skip };
        var ranks = DistributedWorld.Train(3, ranks => new() { Options = options, OwnLoss = (_, _) => new CountingLoss(call => ranks.Rank == 1 && call == 2) });
        // One process leaves the same step out.
        var alone = DistributedWorld.Alone(new() { Options = options, OwnLoss = (_, _) => new CountingLoss(call => call == 2) });
        DistributedWorld.Same(ranks, alone, "skipped");
        ranks[0].Result.Epochs.Select(epoch => epoch.SkippedSteps).Should().Equal(1, 0);
    }

    [Fact]
    public void Fit_NonFiniteLossAtOneRank_StopsAllAtTheSameStepAndTheFirstSavesTheBatch()
    {
        var failures = ThreadCollective.Run(3, ranks => FluentActions.Invoking(() => DistributedWorld.Train(ranks, new()
        {
            Options = DistributedWorld.Options with { CheckpointDirectory = _folder.Path }, OwnLoss = (_, _) => new CountingLoss(call => ranks.Rank == 2 && call == 4),
        })).Should().Throw<TrainingDivergedException>().Which.Message);
        failures.Should().OnlyContain(message => message.StartsWith("The training loss became NaN in epoch 1."));
        File.Exists(_folder.File("bad-batch.safetensors")).Should().BeTrue();
        var (tensors, facts) = SafetensorsFile.Read(_folder.File("bad-batch.safetensors"));
        facts["step"].Should().Be("1");
        tensors["labels"].shape[0].Should().Be(7, "the batch of all ranks is saved");
        foreach (var tensor in tensors.Values) tensor.Dispose();
    }

    [Fact]
    public void Fit_TooFewImagesForSynchronizedBatchNorm_IsRefusedAtEveryRank()
    {
        var given = new DistributedWorld.Given { Options = DistributedWorld.Options with { BatchSize = 13 } };
        ThreadCollective.Run(3, ranks => FluentActions.Invoking(() => DistributedWorld.Train(ranks, given)).Should().Throw<InvalidOperationException>()
            .WithMessage("*2 images for 3 ranks (15 images, BatchSize = 13)*DistributedBatchNorm.Local*"));
    }

    [Fact]
    public void Fit_CraftingInTrainModeWithUnequalPasses_IsRefusedWhereTheyAreExchanged()
    {
        var attacks = new (IAttack Attack, bool Works)[]
        {
            (new PgdAttack(ThreatModel.Linf(0.05), new() { Steps = 1, Selection = PgdSelection.FirstSuccess }), false),
            (new PgdAttack(ThreatModel.Linf(0.05), new() { Steps = 1, Restarts = 2 }), false), (new WatchedAttack(null, (_, _, _) => { }), false),
            (new PgdAttack(ThreatModel.Linf(0.05), new() { Steps = 1, Selection = PgdSelection.BestLoss }), true),
            (new FgsmAttack(ThreatModel.Linf(0.05)), true), (new MiFgsmAttack(ThreatModel.Linf(0.05), new() { Steps = 2 }), true),
        };
        foreach (var (attack, works) in attacks)
        {
            var options = DistributedWorld.Options with { Epochs = 1, Crafting = new OwnCrafting(attack) { TrainMode = true } };
            DistributedWorld.Given With(TrainerOptions changed) => new() { OwnLoss = (_, _) => new AdversarialTrainingLoss(), Options = changed };
            var given = With(options);
            if (works) DistributedWorld.Same(DistributedWorld.Train(2, given), DistributedWorld.Alone(given), attack.Name);
            else
                FluentActions.Invoking(() => DistributedWorld.Train(2, given)).Should().Throw<InvalidOperationException>().WithMessage($"{attack.Name} crafts in train mode*HasFixedPasses*");
            if (works) continue;
            DistributedWorld.Train(2, With(options with { BatchNorm = DistributedBatchNorm.Local }));
            DistributedWorld.Train(2, With(options with { Crafting = new OwnCrafting(attack) }));
        }
    }

    [Fact]
    public void Fit_LocalBatchNorm_EndsWithTheMeanOfTheRanksStatistics()
    {
        // One step on the whole data set: the first layer of the student sees the images themselves.
        var options = DistributedWorld.Options with { Epochs = 1, BatchSize = 15, BatchNorm = DistributedBatchNorm.Local };
        var states = ThreadCollective.Run(2, ranks =>
        {
            using var scope = NewDisposeScope();
            using var student = nn.Sequential(("norm", nn.BatchNorm2d(1)), ("flat", nn.Flatten()), ("fc", nn.Linear(64, 3)));
            student.to(ScalarType.Float64);
            using var data = TrainingWorld.Data(15);
            using var trainer = new DistillationTrainer(student, null, new StandardTrainingLoss(), options with { Crafting = null, Collective = ranks });
            trainer.Fit(data);
            return TrainingWorld.State(student);
        });
        TrainingWorld.SameState(states[1], states[0]);
        using var all = TrainingWorld.Data(15);
        var order = new ImageBatches(all, new ImageBatchOptions { BatchSize = 15, Seed = options.Seed, DType = ScalarType.Float64 });
        var images = order.Epoch(0).Select(batch => TensorAssert.Values(batch.Images)).Single();
        var (first, second) = (images[..(7 * 64)], images[(7 * 64)..]);
        states[0]["norm.running_mean"][0].Should().BeApproximately(0.1 * (first.Average() + second.Average()) / 2, 1e-12);
        states[0]["norm.running_var"][0].Should().BeApproximately(0.9 + 0.1 * (Variance(first) + Variance(second)) / 2, 1e-12);
    }

    [Fact]
    public void Fit_SeveralRanks_LeaveNoTensorBehind()
    {
        var live = ThreadCollective.Run(2, ranks =>
        {
            var given = new DistributedWorld.Given
            {
                Loss = "Sum", Validates = true, DType = ScalarType.Float32, Options = DistributedWorld.Options with { WeightPerturbation = new(), WeightAveraging = new ExponentialMovingAverage() },
            };
            DistributedWorld.Train(ranks, given);
            var statistics = DisposeScopeManager.Statistics;
            statistics.Reset();
            DistributedWorld.Train(ranks, given);
            return statistics.TensorStatistics.ThreadTotalLiveCount;
        });
        live.Should().Equal(0, 0);
    }

    private static double Variance(double[] values) => values.Sum(value => (value - values.Average()) * (value - values.Average())) / (values.Length - 1);

    /// <summary>Trains until the first rank reports a step, and cancels.</summary>
    private static void Stop(int size, DistributedWorld.Given given, int epoch, int step) => ThreadCollective.Run(size, ranks =>
    {
        using var source = new CancellationTokenSource();
        var progress = new ListProgress<TrainingProgress>(report => { if (report.Phase == TrainingPhase.Train && report.Epoch == epoch && report.Step == step) source.Cancel(); });
        return FluentActions.Invoking(() => DistributedWorld.Train(ranks, given with { Progress = progress, Cancellation = source.Token })).Should().Throw<OperationCanceledException>();
    });

    private Dictionary<string, double[]> Tensors(string folder)
    {
        var tensors = SafetensorsFile.Read(Path.Combine(_folder.File(folder), "last.safetensors")).Tensors;
        var values = tensors.ToDictionary(pair => pair.Key, pair => TensorAssert.Values(pair.Value));
        foreach (var tensor in tensors.Values) tensor.Dispose();
        return values;
    }

    /// <summary>Cross-entropy on clean images that is told to be NaN in some calls.</summary>
    private sealed class CountingLoss(Func<int, bool> isNan) : IDistillationLoss
    {
        private int _calls;

        public string Name => "counting";

        public DistillationNeeds Needs { get; } = new() { Passes = [NetworkPass.StudentClean] };

        public LossTerms Compute(DistillationInputs inputs)
        {
            var loss = HardLabels.CrossEntropy(inputs.StudentClean!.Output, inputs.Labels);
            return new LossTerms(isNan(++_calls) ? loss * double.NaN : loss);
        }

        public override string ToString() => Name;
    }
}
