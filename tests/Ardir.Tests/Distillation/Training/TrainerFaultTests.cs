using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>Runs that go wrong and losses that do not keep their word.</summary>
public sealed class TrainerFaultTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Fit_LearningRateThatBlowsUpTheWeights_SaysSo(bool attacked)
    {
        using var student = TrainingWorld.Network();
        using var data = TrainingWorld.Data();
        IDistillationLoss loss = attacked ? new AdversarialTrainingLoss() : new StandardTrainingLoss();
        using var trainer = new DistillationTrainer(student, null, loss, TrainingWorld.Options(1) with { LearningRate = 1e30 });
        trainer.Invoking(t => t.Fit(data)).Should().Throw<InvalidOperationException>().WithMessage("*became NaN*in epoch 0*learning rate*WarmupEpochs*");
    }

    [Fact]
    public void Fit_WeightsBrokenByTheLastStep_AreNeitherEvaluatedNorSaved()
    {
        // The loss of the last step is still finite; only the weights tell.
        using var folder = new TemporaryFolder();
        using var student = TrainingWorld.Network();
        using var data = TrainingWorld.Data();
        var options = TrainingWorld.Options(2) with { CheckpointDirectory = folder.Path };
        byte[] saved = [];
        var progress = new ListProgress<TrainingProgress>(report =>
        {
            if (report is { Phase: TrainingPhase.EpochEnd, Epoch: 0 }) saved = File.ReadAllBytes(folder.File("last.safetensors"));
            if (report is not { Phase: TrainingPhase.Train, Epoch: 1, Step: TrainingWorld.StepsPerEpoch }) return;
            using var noGrad = no_grad();
            student.parameters().Last().fill_(float.PositiveInfinity);
        });
        using (var trainer = new DistillationTrainer(student, null, new StandardTrainingLoss(), options))
            trainer.Invoking(t => t.Fit(data, data, progress)).Should().Throw<InvalidOperationException>().WithMessage("*Weights or logits*in epoch 1*before is intact*");
        progress.Reports.Should().NotContain(report => report.Epoch == 1 && report.Phase != TrainingPhase.Train);
        File.ReadAllBytes(folder.File("last.safetensors")).Should().Equal(saved);
        using var fresh = TrainingWorld.Network(7);
        using var again = new DistillationTrainer(fresh, null, new StandardTrainingLoss(), options);
        again.Fit(data, data).Epochs.Should().HaveCount(2).And.OnlyContain(epoch => double.IsFinite(epoch.TrainLoss));
    }

    public static TheoryData<string, Func<Tensor, LossTerms>> BrokenLosses => new()
    {
        { "*own returned null*", _ => null! },
        { "*own*shape [16,3]*scalar*", logits => new LossTerms(logits * 1) },
        { "*own*without a graph*", logits => new LossTerms(logits.detach().mean()) },
        { "*Part 'rows'*own*[16]*", logits => new LossTerms(logits.mean(), new Dictionary<string, Tensor> { ["rows"] = logits.detach().sum(1) }) },
    };

    [Theory, MemberData(nameof(BrokenLosses))]
    public void Fit_LossThatBreaksItsContract_IsNamedBeforeTheStudentChanges(string message, Func<Tensor, LossTerms> compute)
    {
        using var student = TrainingWorld.Network();
        using var data = TrainingWorld.Data();
        var weight = TensorAssert.Values(student.parameters().First());
        using var trainer = new DistillationTrainer(student, null, new OwnLoss(inputs => compute(inputs.StudentClean!.Output)), TrainingWorld.Options(1));
        trainer.Invoking(t => t.Fit(data)).Should().Throw<InvalidOperationException>().Which.Message.Should().Match(message);
        TensorAssert.Values(student.parameters().First()).Should().Equal(weight);
    }

    [Fact]
    public void Fit_PartThatSomeBatchesLack_IsAveragedOverTheSamplesThatHadIt()
    {
        using var student = TrainingWorld.Network();
        using var data = TrainingWorld.Data();
        var batches = 0;
        var loss = new OwnLoss(inputs =>
        {
            var logits = inputs.StudentClean!.Output;
            // Four batches of 16, 16, 16 and 2 samples; the first and the last have the part.
            var parts = batches++ is 0 or 3 ? new Dictionary<string, Tensor> { ["seldom"] = tensor(logits.shape[0] == 2 ? 10.0 : 1.0) } : [];
            return new LossTerms(logits.square().mean(), parts);
        });
        using var trainer = new DistillationTrainer(student, null, loss, TrainingWorld.Options(1));
        trainer.Fit(data).Last.Terms["seldom"].Should().BeApproximately((16 * 1 + 2 * 10) / 18.0, 1e-12);
    }

    [Fact]
    public void Fit_Attacks_GetTheCallersToken()
    {
        using var student = TrainingWorld.Network();
        using var teacher = TrainingWorld.Network(2);
        using var data = TrainingWorld.Data();
        using var source = new CancellationTokenSource();
        var seen = new List<CancellationToken>();
        var watched = new WatchedAttack(null, (_, _, context) => seen.Add(context.CancellationToken));
        using var trainer = new DistillationTrainer(
            student, teacher, new ArdLoss(new() { TeacherData = TeacherData.RobustAdversarial }), TrainingWorld.Options(1) with { Crafting = new OwnCrafting(watched), SelectionAttack = watched });
        trainer.Fit(data, data, null, source.Token);
        seen.Should().HaveCountGreaterThan(2 * TrainingWorld.StepsPerEpoch).And.OnlyContain(token => token == source.Token);
    }

    [Fact]
    public void Fit_AfterDispose_IsRefused()
    {
        using var student = TrainingWorld.Network();
        using var data = TrainingWorld.Data();
        using var folder = new TemporaryFolder();
        var trainer = new DistillationTrainer(student, null, new StandardTrainingLoss(), TrainingWorld.Options(1) with { CheckpointDirectory = folder.File("run") });
        trainer.Dispose();
        trainer.Dispose();
        trainer.Invoking(t => t.Fit(data)).Should().Throw<ObjectDisposedException>();
        trainer.Invoking(t => t.RestoreBest()).Should().Throw<ObjectDisposedException>();
        folder.Names.Should().BeEmpty("a disposed trainer writes nothing");
    }

    [Fact]
    public void RestoreBest_WeightsOfAnotherNetwork_AreRefusedAndLeaveNothingBehind()
    {
        using var folder = new TemporaryFolder();
        using var data = TrainingWorld.Data();
        using var student = TrainingWorld.Network();
        using var wide = PreActResNet.Create(new() { InputChannels = 1, Classes = 3, Widths = [4, 9], BlocksPerStage = 1 });
        var options = TrainingWorld.Options(1) with { CheckpointDirectory = folder.Path };
        using (var trainer = new DistillationTrainer(student, null, new StandardTrainingLoss(), options)) trainer.Fit(data);
        using var other = new DistillationTrainer(wide, null, new StandardTrainingLoss(), options);
        var before = TrainingWorld.State(wide);
        LeakAssert.None(() => Record.Exception(other.RestoreBest).Should().BeOfType<WeightFormatException>().Which.Message.Should().Contain("best.safetensors"));
        TrainingWorld.SameState(TrainingWorld.State(wide), before);
    }

    [Fact]
    public void Fit_CheckpointWithAStrangeTensor_IsRefused()
    {
        using var folder = new TemporaryFolder();
        using var data = TrainingWorld.Data();
        using var student = TrainingWorld.Network();
        var options = TrainingWorld.Options(1) with { CheckpointDirectory = folder.Path };
        using (var trainer = new DistillationTrainer(student, null, new StandardTrainingLoss(), options)) trainer.Fit(data);
        var (tensors, metadata) = SafetensorsFile.Read(folder.File("last.safetensors"));
        tensors["ema.linear.bias"] = zeros(3);
        SafetensorsFile.Write(folder.File("last.safetensors"), tensors, metadata);
        foreach (var tensor in tensors.Values) tensor.Dispose();
        using var again = new DistillationTrainer(student, null, new StandardTrainingLoss(), options);
        LeakAssert.None(() => Record.Exception(() => again.Fit(data)).Should().BeOfType<WeightFormatException>().Which.Message.Should().Contain("ema.linear.bias"));
    }
}
