using Ardir.Attacks;
using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>Where the data lies and how products round.</summary>
public sealed class TrainerDeviceTests
{
    [Fact]
    public void Fit_DataKeptOnTheHost_MakesNoDifferenceOnTheCpu()
    {
        var (kept, expected) = (Train(keep: true, CPU), Train(keep: false, CPU));
        TrainingWorld.SameMetrics(kept.Epochs, expected.Epochs);
        TrainingWorld.SameState(kept.State, expected.State);
    }

    [GpuFact]
    public void Fit_DataKeptOnTheHost_TrainsOnTheGpuAsWithDataOnIt()
    {
        var (kept, expected) = (Train(keep: true, CUDA), Train(keep: false, CUDA));
        // Backward convolutions add in any order there, so the last bits differ.
        kept.Epochs[^1].TrainLoss.Should().BeApproximately(expected.Epochs[^1].TrainLoss, 1e-2);
        Train(keep: true, CUDA).Epochs[0].TrainLoss.Should().BeApproximately(Train(keep: false, CPU).Epochs[0].TrainLoss, 1e-2, "the first epoch is that of the CPU");
    }

    [GpuFact]
    public void Epoch_SentToTheGpu_EqualsTheOneDrawnThere()
    {
        using var data = TrainingWorld.Data();
        using var moved = data.To(CUDA);
        var options = new ImageBatchOptions { BatchSize = 16, Augmentation = ImageAugmentation.Cifar with { Padding = 2 }, Seed = 3 };
        foreach (var (sent, drawn) in new ImageBatches(data, options with { Device = CUDA }).Epoch(1).Zip(new ImageBatches(moved, options).Epoch(1)))
        {
            sent.Images.device_type.Should().Be(DeviceType.CUDA);
            sent.Labels.device_type.Should().Be(DeviceType.CUDA);
            TensorAssert.Values(sent.Images).Should().Equal(TensorAssert.Values(drawn.Images));
            TensorAssert.Values(sent.Labels).Should().Equal(TensorAssert.Values(drawn.Labels));
        }
    }

    [Fact]
    public void Epoch_ForAnotherDevice_GoesThereAndLeavesTheDataSetWhereItIs()
    {
        // The meta device holds no values, but it is another device on every machine.
        using var data = TrainingWorld.Data(20);
        var batches = new ImageBatches(data, new ImageBatchOptions { BatchSize = 16, Device = META });
        var shapes = new List<long>();
        foreach (var (images, labels) in batches.Epoch(0))
        {
            (images.device_type, labels.device_type).Should().Be((DeviceType.META, DeviceType.META));
            images.dtype.Should().Be(ScalarType.Float32);
            shapes.Add(images.shape[0]);
        }
        shapes.Should().Equal(16, 4);
        data.Device.type.Should().Be(DeviceType.CPU);
        LeakAssert.None(() => { foreach (var batch in batches.Epoch(0)) batch.Indices.Should().NotBeEmpty(); });
    }

    [Fact]
    public void MovedData_ToStayOnTheHost_IsTheCallersOwn()
    {
        using var data = TrainingWorld.Data();
        using (var kept = new MovedData(data, data, META, keepOnHost: true)) (kept.Train, kept.Validation).Should().Be((data, data));
        data.Images.IsInvalid.Should().BeFalse();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Fit_Tf32_IsAsAskedWhileItRunsAndComesBack(bool allow)
    {
        var before = (backends.cuda.matmul.allow_tf32, backends.cudnn.allow_tf32);
        backends.cuda.matmul.allow_tf32 = !allow;
        backends.cudnn.allow_tf32 = !allow;
        try
        {
            using var student = TrainingWorld.Network();
            using var data = TrainingWorld.Data();
            var seen = new List<(bool, bool)>();
            var watched = new WatchedAttack(null, (_, _, _) => seen.Add((backends.cuda.matmul.allow_tf32, backends.cudnn.allow_tf32)));
            using var trainer = new DistillationTrainer(student, null, new AdversarialTrainingLoss(), TrainingWorld.Options(1) with { Crafting = new OwnCrafting(watched), SelectionAttack = watched, AllowTf32 = allow });
            trainer.Fit(data, data);
            seen.Should().HaveCountGreaterThan(TrainingWorld.StepsPerEpoch).And.OnlyContain(flags => flags.Item1 == allow && flags.Item2 == allow);
            var failing = new ListProgress<TrainingProgress>(_ => throw new InvalidOperationException());
            trainer.Invoking(t => t.Fit(data, data, failing)).Should().Throw<InvalidOperationException>();
            (backends.cuda.matmul.allow_tf32, backends.cudnn.allow_tf32).Should().Be((!allow, !allow));
        }
        finally
        {
            (backends.cuda.matmul.allow_tf32, backends.cudnn.allow_tf32) = before;
        }
    }

    [GpuFact]
    public void Tf32_OnTheGpu_RoundsProductsOnlyWhenAllowed()
    {
        using var a = TinyModels.Random([256, 256], 1, ScalarType.Float32).cuda();
        double Error(bool allow)
        {
            using var scope = new Tf32Scope(allow);
            using var exact = a.to(ScalarType.Float64).mm(a.to(ScalarType.Float64));
            return (a.mm(a).to(ScalarType.Float64) - exact).abs().max().ToDouble();
        }

        Error(allow: false).Should().BeLessThan(1e-3);
        Error(allow: true).Should().BeGreaterThan(Error(allow: false), "GPUs since Ampere have TF32");
    }

    [GpuFact]
    public void Fit_OnTheGpu_ReadsAtLoggingPointsOnly()
    {
        using var student = TrainingWorld.Network();
        using var data = TrainingWorld.Data();
        var counts = new List<long>();
        using var trainer = new DistillationTrainer(student, null, new AdversarialTrainingLoss(), TrainingWorld.Options(1) with { BatchSize = 4, Device = CUDA, KeepDataOnHost = true });
        trainer.Fit(data, null, new ListProgress<TrainingProgress>(_ => counts.Add(HostRead.Count)));
        for (var step = 1; step < 10; step++) (counts[step] - counts[step - 1]).Should().Be(0);
    }

    private static (IReadOnlyList<EpochMetrics> Epochs, Dictionary<string, double[]> State) Train(bool keep, Device device)
    {
        using var student = TrainingWorld.Network();
        using var data = TrainingWorld.Data();
        using var validation = TrainingWorld.Data(20, seed: 2);
        using var trainer = new DistillationTrainer(student, null, new AdversarialTrainingLoss(), TrainingWorld.Options(2) with
        {
            KeepDataOnHost = keep, Device = device, Augmentation = ImageAugmentation.Cifar with { Padding = 2 }, SelectionAttack = TrainingWorld.Pgd(),
        });
        var result = trainer.Fit(data, validation);
        student.to(CPU);
        return (result.Epochs, TrainingWorld.State(student));
    }
}
