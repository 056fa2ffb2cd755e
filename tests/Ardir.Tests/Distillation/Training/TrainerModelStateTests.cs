using Ardir.Attacks;
using Ardir.Core;
using Ardir.Distillation;
using TorchSharp.Modules;

namespace Ardir.Tests;

/// <summary>What training does to models, data and the process beyond the weights it is meant to change.</summary>
public sealed class TrainerModelStateTests
{
    [Theory]
    [InlineData(TeacherData.RobustClean)]
    [InlineData(TeacherData.RobustAdversarial)]
    public void Fit_Teacher_StaysAsItWasButInEvalMode(TeacherData data)
    {
        using var student = TrainingWorld.Network();
        using var teacher = TrainingWorld.Network(2);
        using var train = TrainingWorld.Data();
        teacher.train();
        var before = TrainingWorld.State(teacher);
        using var trainer = new DistillationTrainer(student, teacher, new ArdirLoss(new() { TeacherData = data }), TrainingWorld.Options(1));
        var progress = new ListProgress<TrainingProgress>(_ => teacher.modules().Append(teacher).Should().OnlyContain(module => !module.training));
        trainer.Fit(train, null, progress);
        TrainingWorld.SameState(TrainingWorld.State(teacher), before);
        teacher.parameters().Select(parameter => parameter.grad is null).Should().NotContain(false);
        progress.Reports.Should().NotBeEmpty();
    }

    [Fact]
    public void Fit_TeacherPutIntoTrainModeMeanwhile_StillAnswersInEvalMode()
    {
        using var student = TrainingWorld.Network();
        using var teacher = TrainingWorld.Network(2);
        using var train = TrainingWorld.Data();
        var before = TrainingWorld.State(teacher);
        using var trainer = new DistillationTrainer(student, teacher, new ArdirLoss(), TrainingWorld.Options(1));
        trainer.Fit(train, null, new ListProgress<TrainingProgress>(_ => teacher.train()));
        TrainingWorld.SameState(TrainingWorld.State(teacher), before);
    }

    [Fact]
    public void Fit_FrozenBatchNormInsideTheStudent_StaysFrozen()
    {
        using var student = TrainingWorld.Network();
        using var train = TrainingWorld.Data();
        student.train();
        var frozen = student.named_modules().Where(entry => entry.name.StartsWith("layer1", StringComparison.Ordinal)).Select(entry => entry.module).OfType<BatchNorm2d>().ToList();
        frozen.Should().HaveCount(2);
        foreach (var norm in frozen)
        {
            norm.eval();
            foreach (var parameter in norm.parameters()) parameter.requires_grad = false;
        }
        var before = TrainingWorld.State(student);
        using var trainer = new DistillationTrainer(student, null, new AdversarialTrainingLoss(), TrainingWorld.Options(2) with { SelectionAttack = TrainingWorld.Pgd() });
        trainer.Fit(train, train);
        var after = TrainingWorld.State(student);
        foreach (var name in before.Keys)
        {
            var isFrozen = name.StartsWith("layer1", StringComparison.Ordinal) && name.Contains("bn");
            if (isFrozen) after[name].Should().Equal(before[name], name);
            else after[name].Should().NotEqual(before[name], name);
        }
        frozen.Should().OnlyContain(norm => !norm.training);
        student.training.Should().BeTrue();
    }

    [Fact]
    public void Fit_FrozenParametersAndResume_KeepsEachMomentumWithItsParameter()
    {
        using var folder = new TemporaryFolder();
        using var train = TrainingWorld.Data();
        Dictionary<string, double[]> Train(string directory, params int[] epochs)
        {
            PreActResNet? student = null;
            foreach (var until in epochs)
            {
                student?.Dispose();
                student = TrainingWorld.Network();
                foreach (var (name, parameter) in student.named_parameters()) parameter.requires_grad = !name.Contains("bn1") && name != "conv1.weight";
                using var trainer = new DistillationTrainer(student, null, new StandardTrainingLoss(), TrainingWorld.Options(until) with { CheckpointDirectory = folder.File(directory) });
                trainer.Fit(train);
            }
            var state = TrainingWorld.State(student!);
            student!.Dispose();
            return state;
        }

        TrainingWorld.SameState(Train("stop and go", 1, 2, 3), Train("through", 3));
    }

    [Fact]
    public void Fit_EvalModeStudent_IsPutIntoTrainMode()
    {
        using var student = TrainingWorld.Network();
        using var train = TrainingWorld.Data();
        student.eval();
        using var trainer = new DistillationTrainer(student, null, new StandardTrainingLoss(), TrainingWorld.Options(1));
        trainer.Fit(train, train);
        student.modules().Append(student).Should().OnlyContain(module => module.training);
        BatchesSeen(student).Should().Be(TrainingWorld.StepsPerEpoch);
    }

    [Fact]
    public void Fit_Attacks_RunWithoutHooksInEvalModeOnEveryModule()
    {
        using var student = TrainingWorld.Student();
        using var teacher = TrainingWorld.Network(2);
        using var train = TrainingWorld.Data();
        var control = ((nn.Module<Tensor, Tensor>)student.children().First()).register_forward_hook((_, _, output) => output);
        TrainingWorld.Hooks(student).Should().Be(1, "the count must see a hook where there is one");
        control.remove();
        var attacked = new List<IModule>();
        var watched = new WatchedAttack(TrainingWorld.Pgd(), (model, _, context) =>
        {
            attacked.Add(model);
            (TrainingWorld.Hooks(student) + TrainingWorld.Hooks(teacher)).Should().Be(0);
            context.KeepModelMode.Should().BeFalse();
        });
        var loss = new ArdirLoss(new() { TeacherData = TeacherData.RobustAdversarial, Features = new() { Layers = ["net.layer*"], TeacherLayers = ["layer*"] } });
        using var trainer = new DistillationTrainer(student, teacher, loss, TrainingWorld.Options(1) with { Crafting = new OwnCrafting(watched), SelectionAttack = watched });
        trainer.Fit(train, train);
        attacked.Count(model => ReferenceEquals(model, student)).Should().BeGreaterThanOrEqualTo(TrainingWorld.StepsPerEpoch);
        attacked.Count(model => ReferenceEquals(model, teacher)).Should().Be(TrainingWorld.StepsPerEpoch);
        (TrainingWorld.Hooks(student) + TrainingWorld.Hooks(teacher)).Should().Be(0);
    }

    [Theory]
    [InlineData(false, 1)]
    [InlineData(true, 3)]
    public void Fit_CraftingInTrainMode_UpdatesBatchNormAtEveryStepOfTheAttack(bool trainMode, int forwardsPerStep)
    {
        using var student = TrainingWorld.Network();
        using var train = TrainingWorld.Data();
        var options = TrainingWorld.Options(2) with { Crafting = new OwnCrafting(TrainingWorld.Pgd()) { TrainMode = trainMode }, SelectionAttack = TrainingWorld.Pgd() };
        using var trainer = new DistillationTrainer(student, null, new AdversarialTrainingLoss(), options);
        trainer.Fit(train, train);
        // PGD-2 passes forward twice; evaluations never count.
        BatchesSeen(student).Should().Be(2 * TrainingWorld.StepsPerEpoch * forwardsPerStep);
    }

    [Fact]
    public void Fit_CraftingInTrainMode_LeavesTheTeachersBatchNormAlone()
    {
        using var student = TrainingWorld.Network();
        using var teacher = TrainingWorld.Network(2);
        using var train = TrainingWorld.Data();
        var before = TrainingWorld.State(teacher);
        using var trainer = new DistillationTrainer(
            student, teacher, new ArdirLoss(new() { TeacherData = TeacherData.RobustAdversarial }), TrainingWorld.Options(1) with { Crafting = new OwnCrafting(TrainingWorld.Pgd()) { TrainMode = true } });
        trainer.Fit(train);
        TrainingWorld.SameState(TrainingWorld.State(teacher), before);
    }

    [Fact]
    public void Fit_Attacks_GetTheAugmentedImagesAndTheirNumbers()
    {
        using var student = TrainingWorld.Network();
        using var teacher = TrainingWorld.Network(2);
        using var train = TrainingWorld.Data();
        var calls = new List<(string Model, double[] Images, long[] Numbers, ulong Seed)>();
        var watched = new WatchedAttack(null, (model, images, context) =>
            calls.Add((ReferenceEquals(model, student) ? "student" : "teacher", TensorAssert.Values(images), [.. context.SampleIndices!], context.Seed)));
        var loss = new ArdLoss(new() { TeacherData = TeacherData.RobustAdversarial });
        using var trainer = new DistillationTrainer(student, teacher, loss, TrainingWorld.Options(2) with { Crafting = new OwnCrafting(watched), Augmentation = ImageAugmentation.Cifar });
        trainer.Fit(train);
        calls.Select(call => call.Model).Should().Equal(Enumerable.Repeat(new[] { "student", "teacher" }, 2 * TrainingWorld.StepsPerEpoch).SelectMany(pair => pair));
        for (var i = 0; i < calls.Count; i += 2)
        {
            calls[i].Images.Should().Equal(calls[i + 1].Images, "both start from the same augmented images");
            calls[i].Seed.Should().NotBe(calls[i + 1].Seed);
        }
        // Every sample once per epoch, in another order in the next.
        var orders = calls.Where(call => call.Model == "student").Select(call => call.Numbers).Chunk(TrainingWorld.StepsPerEpoch).Select(epoch => epoch.SelectMany(n => n).ToArray()).ToList();
        foreach (var order in orders) order.Order().Should().Equal(Enumerable.Range(0, TrainingWorld.TrainCount).Select(i => (long)i));
        orders[0].Should().NotEqual(orders[1]);
        calls.Select(call => call.Seed).Distinct().Should().HaveCount(4, "one per epoch and model");
        calls[0].Images.Should().OnlyContain(pixel => pixel >= 0 && pixel <= 1);
    }

    [Fact]
    public void Fit_CallersGlobalStream_GoesOnAsIfNothingHadHappened()
    {
        using var student = TrainingWorld.Student();
        using var train = TrainingWorld.Data();
        using var trainer = new DistillationTrainer(student, null, new AdversarialTrainingLoss(), TrainingWorld.Options(1));
        using var before = torch.random.get_rng_state();
        trainer.Fit(train, train);
        using var after = torch.random.get_rng_state();
        after.bytes.SequenceEqual(before.bytes).Should().BeTrue();
        using var source = new CancellationTokenSource();
        using var cancelled = new DistillationTrainer(student, null, new AdversarialTrainingLoss(), TrainingWorld.Options(1));
        cancelled.Invoking(t => t.Fit(train, null, new ListProgress<TrainingProgress>(_ => source.Cancel()), source.Token)).Should().Throw<OperationCanceledException>();
        using var afterCancelling = torch.random.get_rng_state();
        afterCancelling.bytes.SequenceEqual(before.bytes).Should().BeTrue();
    }

    [Fact]
    public void MovedData_SameDevice_IsTheCallersOwnAndStays()
    {
        using var train = TrainingWorld.Data(6);
        using var validation = TrainingWorld.Data(6);
        using (var moved = new MovedData(train, validation, CPU))
        {
            moved.Train.Should().BeSameAs(train);
            moved.Validation.Should().BeSameAs(validation);
        }
        using (var moved = new MovedData(train, train, CPU)) moved.Validation.Should().BeSameAs(moved.Train);
        using (var moved = new MovedData(train, null, CPU)) moved.Validation.Should().BeNull();
        (train.Images.IsInvalid || validation.Images.IsInvalid).Should().BeFalse();
    }

    [Fact]
    public void Dispose_Trainer_LeavesModelsAndDataUsable()
    {
        using var scope = NewDisposeScope();
        using var student = TrainingWorld.Network();
        using var teacher = TrainingWorld.Network(2);
        using var train = TrainingWorld.Data();
        using (var trainer = new DistillationTrainer(student, teacher, new ArdirLoss(), TrainingWorld.Options(1))) trainer.Fit(train);
        var (images, _) = train.Batch([0, 1]);
        student.call(images).isfinite().all().ToBoolean().Should().BeTrue();
        teacher.call(images).isfinite().all().ToBoolean().Should().BeTrue();
    }

    private static long BatchesSeen(nn.Module student) => student.state_dict()["bn.num_batches_tracked"].ToInt64();
}
