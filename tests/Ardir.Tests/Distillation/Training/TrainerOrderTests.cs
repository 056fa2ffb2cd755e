using Ardir.Attacks;
using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>What a run carries from one epoch to the next, and in which order it writes it down.</summary>
public sealed class TrainerOrderTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(4)]
    public void StochasticAverage_Resumed_CountsAllContributionsBefore(int epochsBefore)
    {
        using var folder = new TemporaryFolder();
        using var data = Brightness.Data(4);
        // One step per epoch, which halves the weight: 1/2, 1/4, 1/8, 1/16, 1/32.
        var options = new TrainerOptions
        {
            Epochs = 5, BatchSize = 4, LearningRate = 0.5, Milestones = [], Optimizer = new SgdOptimizer { Momentum = 0, WeightDecay = 1 }, CheckpointDirectory = folder.Path,
            WeightAveraging = new StochasticWeightAveraging { StartEpoch = 0 },
        };
        foreach (var epochs in new[] { epochsBefore, 5 })
        {
            using var student = new Brightness(1);
            using var trainer = new DistillationTrainer(student, null, new StandardTrainingLoss(), options with { Epochs = epochs });
            trainer.Fit(data);
            trainer.RestoreAverage();
            var contributions = Enumerable.Range(1, epochs).Select(epoch => Math.Pow(0.5, epoch));
            student.Weight.Should().BeApproximately(contributions.Average(), 1e-7);
        }
    }

    [Fact]
    public void Fit_BestThatCannotBeWritten_LeavesTheLastAsItWas()
    {
        using var folder = new TemporaryFolder();
        using var data = Brightness.Data(4);
        using var student = new Brightness(1);
        using var trainer = new DistillationTrainer(student, null, new StandardTrainingLoss(), new() { Epochs = 2, BatchSize = 4, CheckpointDirectory = folder.Path });
        // A folder in the place of the best epoch's file, made while the first epoch runs.
        var progress = new ListProgress<TrainingProgress>(_ => Directory.CreateDirectory(folder.File("best.safetensors/x")));
        trainer.Invoking(t => t.Fit(data, progress: progress)).Should().Throw<IOException>().WithMessage("*best.safetensors' cannot be written: a folder has this name*");
        var (checkpoint, tensors) = TrainingCheckpoint.Read(folder.File("last.safetensors"));
        tensors.Dispose();
        checkpoint.Epochs.Should().BeEmpty("a last that is newer than the best would be the end of the best");
    }

    [Theory]
    [InlineData("last.safetensors")]
    [InlineData("best.safetensors")]
    [InlineData("bad-batch.safetensors")]
    public void Fit_FolderInTheCheckpointsPlace_IsRefusedBeforeTheFirstStep(string name)
    {
        using var folder = new TemporaryFolder();
        using var data = Brightness.Data(4);
        Directory.CreateDirectory(folder.File(name));
        using var student = new Brightness(1);
        using var trainer = new DistillationTrainer(student, null, new StandardTrainingLoss(), new() { Epochs = 1, BatchSize = 4, CheckpointDirectory = folder.Path });
        var steps = new ListProgress<TrainingProgress>(_ => throw new InvalidDataException("a step was made"));
        trainer.Invoking(t => t.Fit(data, progress: steps)).Should().Throw<IOException>()
            .WithMessage($"The checkpoint '{folder.File(name)}' cannot be written: a folder has this name. Rename or move the folder, or choose another *CheckpointDirectory.");
        folder.Names.Should().Equal(name);
    }

    [Fact]
    public void Fit_SelectionAttack_HasTheSameNoiseInEveryEpoch()
    {
        using var data = Brightness.Data(4);
        var seen = new List<(ulong Seed, string Indices)>();
        var watched = new WatchedAttack(null, (_, _, context) => seen.Add((context.Seed, string.Join(",", context.SampleIndices!))));
        void Run(ulong seed)
        {
            using var student = new Brightness(1);
            using var trainer = new DistillationTrainer(student, null, new StandardTrainingLoss(), new() { Epochs = 3, BatchSize = 4, EvaluationBatchSize = 2, SelectionAttack = watched, Seed = seed });
            trainer.Fit(data, data);
        }

        Run(5);
        seen.Should().HaveCount(6);
        seen.Select(entry => entry.Seed).Distinct().Should().ContainSingle("epochs could not be compared otherwise");
        seen.Select(entry => entry.Indices).Should().Equal("0,1", "2,3", "0,1", "2,3", "0,1", "2,3");
        Run(6);
        seen[6].Seed.Should().NotBe(seen[0].Seed, "the run's own seed decides");
    }

    [Fact]
    public void Fit_OwnAttack_HasOtherNoiseInEveryEpoch()
    {
        using var data = Brightness.Data(4);
        var seen = new List<ulong>();
        using var student = new Brightness(1);
        using var trainer = new DistillationTrainer(student, null, new AdversarialTrainingLoss(), new() { Epochs = 3, BatchSize = 4, Crafting = new OwnCrafting(new WatchedAttack(null, (_, _, context) => seen.Add(context.Seed))) });
        trainer.Fit(data);
        seen.Should().HaveCount(3).And.OnlyHaveUniqueItems();
    }

    [Fact]
    public void ExponentialAverage_BatchNorm_HasTheStudentsBuffersAndAveragedParameters()
    {
        using var data = TrainingWorld.Data();
        using var student = TrainingWorld.Network();
        var states = new List<Dictionary<string, double[]>>();
        var progress = new ListProgress<TrainingProgress>(report =>
        {
            if (report.Phase == TrainingPhase.Train) states.Add(TrainingWorld.State(student));
        });
        using var trainer = new DistillationTrainer(student, null, new StandardTrainingLoss(), TrainingWorld.Options(1) with { WeightAveraging = new ExponentialMovingAverage { Decay = 0.75 } });
        trainer.Fit(data, null, progress);
        trainer.RestoreAverage();
        var average = TrainingWorld.State(student);
        states.Should().HaveCount(TrainingWorld.StepsPerEpoch);
        var buffers = student.named_buffers().Select(pair => pair.name).ToHashSet();
        buffers.Should().Contain(["bn.running_mean", "bn.running_var", "bn.num_batches_tracked"]);
        foreach (var (name, values) in average)
        {
            for (var i = 0; i < values.Length; i++)
            {
                // 27/64 of the first step and 1/4 of each later one, weighed down by 3/4 for every step since.
                var expected = buffers.Contains(name) ? states[3][name][i] : (27 * states[0][name][i] + 9 * states[1][name][i] + 12 * states[2][name][i] + 16 * states[3][name][i]) / 64;
                values[i].Should().BeApproximately(expected, buffers.Contains(name) ? 0 : 1e-6, "value {0} of {1}", i, name);
            }
        }
        states[3]["bn.running_mean"].Should().NotEqual(states[2]["bn.running_mean"], "otherwise an average of it would not show");
    }
}
