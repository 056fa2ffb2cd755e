using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>What a checkpoint must not say about the run that it belongs to, at the borders of what it may.</summary>
public sealed class CheckpointFaultTests
{
    private const int Steps = 4;
    private const int BatchSize = 8;

    [Theory]
    [InlineData(1, 0, 8, 8, 8, null)]
    [InlineData(3, 0, 24, 24, 24, null)]
    [InlineData(4, 0, 32, 32, 32, "*step 4 of 4*")]
    [InlineData(3, 1, 16, 16, 1, null)]
    [InlineData(3, 1, 24, 24, 24, "*over 1 to 16 samples*")]
    [InlineData(3, -1, 32, 32, 32, "*-1 of 3 steps*skipped*")]
    [InlineData(3, 4, 8, 8, 8, "*4 of 3 steps*skipped*")]
    [InlineData(2, 0, 16, 16, 0, "*'part'*over 1 to 16 samples*")]
    [InlineData(2, 0, 16, 16, 17, "*'part'*over 1 to 16 samples*")]
    [InlineData(2, 0, 15, 16, 8, "*lacks loss or accuracy over its 16 samples*")]
    [InlineData(2, 0, 16, 15, 8, "*lacks loss or accuracy over its 16 samples*")]
    public void PartialEpoch_Fault_SpeaksOfWhatDoesNotFit(int step, int skipped, long loss, long right, long part, string? says)
    {
        var partial = new PartialEpoch
        {
            Step = step, Skipped = skipped, Elapsed = TimeSpan.Zero,
            Sums = new() { [EpochTotals.Always[0]] = new(1, loss), [EpochTotals.Always[1]] = new(1, right), ["part"] = new(1, part) },
        };
        if (says is null) partial.Fault(Steps, BatchSize).Should().BeNull();
        else partial.Fault(Steps, BatchSize).Should().Match(says);
        var stepsFit = step < Steps && skipped >= 0 && skipped <= step;
        (partial with { Elapsed = TimeSpan.FromTicks(-1) }).Fault(Steps, BatchSize)
            .Should().Match(stepsFit ? "*less than no time*" : says!);
    }

    [Fact]
    public void PartialEpoch_EveryStepSkipped_NeedsNoSums()
    {
        var none = new PartialEpoch { Step = 2, Skipped = 2, Elapsed = TimeSpan.Zero, Sums = [] };
        none.Fault(Steps, BatchSize).Should().BeNull();
        (none with { Skipped = 1 }).Fault(Steps, BatchSize).Should().Match("*lacks loss or accuracy over its 8 samples*");
        (none with { Sums = new() { ["part"] = null! } }).Fault(Steps, BatchSize).Should().Match("*'part'*");
    }

    [Fact]
    public void Read_StateAtTheBorders_TakesWhatIsPossibleAndNothingElse()
    {
        using var folder = new TemporaryFolder();
        var whole = new TrainingCheckpoint
        {
            Format = TrainingCheckpoint.CurrentFormat, Library = "x", Identity = [], Epochs = [], Best = 0,
        };
        var partial = new PartialEpoch { Step = 1, Skipped = 1, Elapsed = TimeSpan.Zero, Sums = [] };
        var two = whole with { Epochs = [Epoch(0), Epoch(1)] };
        TrainingCheckpoint[] good = [whole, two, two with { Best = 1 }, whole with { Partial = partial }, whole with { AverageCount = 3 }];
        foreach (var possible in good)
        {
            using var read = WriteAndRead(folder, possible, average: possible.AverageCount > 0).Tensors;
            read.Student.Keys.Should().Equal("a");
            read.Optimizer.Keys.Should().Equal("b");
            read.Loss.Keys.Should().Equal("d");
            read.Average.Keys.Should().Equal(possible.AverageCount > 0 ? ["c"] : []);
        }
        foreach (var (impossible, says) in new[]
        {
            (whole with { Format = 2 }, "*format 2*another version*reads 3*"), (whole with { Format = 4 }, "*format 4*reads 3*"),
            (whole with { SkippedInARow = -1 }, "*-1 steps in a row*"),
            (whole with { Best = -1 }, "*best epoch*"), (whole with { Best = 1 }, "*best epoch*"), (two with { Best = 2 }, "*best epoch*"),
            (whole with { Epochs = [Epoch(1)] }, "*0, 1, 2*"), (whole with { Epochs = [Epoch(0), Epoch(0)] }, "*0, 1, 2*"),
            (whole with { AverageCount = -1 }, "*-1 contributions*"),
            (whole with { Partial = partial with { Step = 0, Skipped = 0 } }, "*no step*"),
        })
            FluentActions.Invoking(() => WriteAndRead(folder, impossible, average: false))
                .Should().Throw<WeightFormatException>().WithMessage(says);
        FluentActions.Invoking(() => WriteAndRead(folder, whole, average: true))
            .Should().Throw<WeightFormatException>().WithMessage("*without contributions*");
    }

    [Fact]
    public void Check_StudentsState_AllowsNothingElseButTheWiderTypeOfBFloat16()
    {
        using var scope = NewDisposeScope();
        using var single = nn.Linear(2, 3);
        using var half = nn.Linear(2, 3).to(ScalarType.BFloat16);
        Dictionary<string, Tensor> Saved(ScalarType dtype, long rows = 3) =>
            new() { ["weight"] = zeros([rows, 2], dtype), ["bias"] = zeros([3], dtype) };
        StudentState.Check(single, Saved(ScalarType.Float32), "file");
        StudentState.Check(half, Saved(ScalarType.Float32), "file");
        StudentState.Check(half, Saved(ScalarType.BFloat16), "file");
        void Refused(nn.Module module, Dictionary<string, Tensor> saved, string says) =>
            FluentActions.Invoking(() => StudentState.Check(module, saved, "file"))
                .Should().Throw<WeightFormatException>().WithMessage(says);
        Refused(single, Saved(ScalarType.BFloat16), "*'weight' is BFloat16*student has Float32*");
        Refused(half, Saved(ScalarType.Float64), "*'weight' is Float64*student has BFloat16*");
        Refused(single, Saved(ScalarType.Float32, rows: 4), "*'weight' is Float32*4,2*3,2*");
        Refused(single, new() { ["weight"] = zeros(3, 2) }, "*lacks 'bias'*");
        Refused(single, new(Saved(ScalarType.Float32)) { ["more"] = zeros(1) }, "*has 'more'*");
    }

    [Fact]
    public void LoadOptimizer_OfTheLoss_LeavesTheStudentsStateAlone()
    {
        using var scope = NewDisposeScope();
        using var student = nn.Linear(2, 3);
        using var loss = nn.Linear(3, 1);
        student.bias!.requires_grad = false;
        using var optimizer = new RunOptimizer(new TrainerOptions(), new FullWeights(student), loss);
        var state = new LossState(loss, optimizer);
        var saved = new Dictionary<string, Tensor>
        {
            ["weights.weight"] = zeros(1, 3), ["weights.bias"] = zeros(1),
            ["optimizer.weight"] = full([1, 3], 5.0f), ["optimizer.bias"] = full([1], 7.0f),
        };
        state.LoadOptimizer(saved, "file");
        var all = state.Collect(withOptimizer: true);
        all.Keys.Should().BeEquivalentTo("weights.weight", "weights.bias", "optimizer.weight", "optimizer.bias");
        TensorAssert.Close(all["optimizer.weight"], [5, 5, 5], 0);
        TensorAssert.Close(all["optimizer.bias"], [7], 0);
        state.Collect(withOptimizer: false).Keys.Should().BeEquivalentTo("weights.weight", "weights.bias");
        SavedOptimizer.Save(optimizer, optimizer.Student).Should().BeEmpty();
        void Refused(string key, Tensor value, string says) =>
            state.Invoking(s => s.LoadOptimizer(new Dictionary<string, Tensor>(saved) { [key] = value }, "file"))
                .Should().Throw<WeightFormatException>().WithMessage(says);
        Refused("optimizer.more", zeros(1), "*'more'*of the loss*");
        Refused("optimizer.bias", zeros(2), "*momentum of 'bias'*");
        Refused("optimizer.bias", zeros(1, ScalarType.Float64), "*momentum of 'bias' is Float64*");
        state.Load(new Dictionary<string, Tensor>(saved) { ["weights.bias"] = full([1], 4.0f) }, "file");
        loss.bias!.item<float>().Should().Be(4);
    }

    [Fact]
    public void PartialEpoch_OneSample_NeedsLossAndAccuracyToo()
    {
        var one = new PartialEpoch { Step = 1, Skipped = 0, Elapsed = TimeSpan.Zero, Sums = [] };
        one.Fault(Steps, batchSize: 1).Should().Match("*lacks loss or accuracy over its 1 samples*");
        (one with { Sums = EpochTotals.Always.ToDictionary(key => key, _ => new PartialSum(1, 1)) }).Fault(Steps, batchSize: 1).Should().BeNull();
    }

    [Fact]
    public void Read_WholeOrDamaged_LeavesNoTensorThatNobodyOwns()
    {
        using var folder = new TemporaryFolder();
        var whole = new TrainingCheckpoint
        {
            Format = TrainingCheckpoint.CurrentFormat, Library = "x", Identity = [], Epochs = [], Best = 0, AverageCount = 1,
        };
        LeakAssert.None(() => WriteAndRead(folder, whole, average: true).Tensors.Dispose());
        LeakAssert.None(() => FluentActions.Invoking(() => WriteAndRead(folder, whole with { Best = 1 }, average: true))
            .Should().Throw<WeightFormatException>());
    }

    [Fact]
    public void Load_WeightsThatWouldBroadcast_AreRefusedAndNothingIsLoaded()
    {
        using var scope = NewDisposeScope();
        using var student = nn.Linear(2, 3);
        var before = TrainingWorld.State(student);
        Dictionary<string, Tensor> saved = new() { ["weight"] = ones(1, 2), ["bias"] = ones(1) };
        FluentActions.Invoking(() => StudentState.Load(student, saved, "file"))
            .Should().Throw<WeightFormatException>().WithMessage("*'weight'*1,2*3,2*");
        TrainingWorld.SameState(TrainingWorld.State(student), before);
    }

    [Fact]
    public void LoadOptimizer_LossWithOtherWeights_IsRefusedBeforeAnythingChanges()
    {
        using var scope = NewDisposeScope();
        using var student = nn.Linear(2, 3);
        using var loss = nn.Linear(3, 1);
        using var optimizer = new RunOptimizer(new TrainerOptions(), new FullWeights(student), loss);
        var state = new LossState(loss, optimizer);
        Dictionary<string, Tensor> saved = new() { ["weights.weight"] = zeros(1, 3), ["optimizer.bias"] = full([1], 7.0f) };
        state.Invoking(s => s.LoadOptimizer(saved, "file"))
            .Should().Throw<WeightFormatException>().WithMessage("*lacks 'bias' of the loss*");
        state.Collect(withOptimizer: true).Keys.Should().BeEquivalentTo("weights.weight", "weights.bias");
        using var alone = new RunOptimizer(new TrainerOptions(), new FullWeights(student), null);
        FluentActions.Invoking(() => new LossState(null, alone).LoadOptimizer(saved, "file"))
            .Should().Throw<WeightFormatException>().WithMessage("*'weight'*loss does not*");
    }

    [Fact]
    public void LoadOptimizer_SavedTensors_StayTheCallersOwn()
    {
        using var scope = NewDisposeScope();
        using var student = nn.Linear(2, 1);
        using var optimizer = new RunOptimizer(new TrainerOptions(), new FullWeights(student), null);
        Tensor Momentum() => SavedOptimizer.Save(optimizer, optimizer.Student)["weight"];
        Dictionary<string, Tensor> saved = new() { ["weight"] = full([1, 2], 5.0f) };
        SavedOptimizer.Load(optimizer, optimizer.Student, saved, ("file", "student"));
        saved["weight"].fill_(-1);
        TensorAssert.Close(Momentum(), [5, 5], 0);
        var copies = StudentState.Copies(saved);
        saved["weight"].Dispose();
        TensorAssert.Close(copies["weight"], [-1, -1], 0);
        copies["weight"].Dispose();
        TensorAssert.Close(Momentum(), [5, 5], 0);
    }

    private static (TrainingCheckpoint Checkpoint, CheckpointTensors Tensors) WriteAndRead(
        TemporaryFolder folder, TrainingCheckpoint checkpoint, bool average)
    {
        using var scope = NewDisposeScope();
        Dictionary<string, Tensor> One(string name) => new() { [name] = zeros(1) };
        var path = Path.Combine(folder.Path, "state.safetensors");
        checkpoint.Write(path, new(One("a"), One("b"), average ? One("c") : CheckpointTensors.None, One("d")));
        return TrainingCheckpoint.Read(path);
    }

    private static EpochMetrics Epoch(int epoch) => new()
    {
        Epoch = epoch, LearningRate = 0.1, TrainLoss = 1, TrainAccuracy = 0.5,
        Terms = new Dictionary<string, double>(), Elapsed = TimeSpan.Zero,
    };
}
