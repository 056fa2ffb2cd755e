using Ardir.Attacks;
using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>A training loop of the user's, from public pieces only, as in README.md: it waits for the device no more often than the trainer.</summary>
public sealed class OwnLoopTests
{
    public static TheoryData<string, IDistillationLoss> Losses => new()
    {
        { "SAT", new AdversarialTrainingLoss() },
        { "TRADES", new TradesLoss() },
        { "ARD", new ArdLoss() },
        { "ARDIR", new ArdirLoss(new() { Features = new() { Layers = ["layer*"] } }) },
        { "RSLAD", new RsladLoss() },
        { "sum", new WeightedSumLoss((0.5, new AdversarialTrainingLoss()), (0.5, new KlDivergenceLoss())) },
    };

    [Theory, MemberData(nameof(Losses))]
    public void Loop_WithWhatIsKnown_ReadsAtLoggingPointsOnly_AndLearnsTheSame(string name, IDistillationLoss loss)
    {
        using var data = TrainingWorld.Data();
        using var student = TrainingWorld.Network();
        using var cautious = TrainingWorld.Network();
        var reads = Train(student, loss, data, known: true);
        reads.Should().HaveCount(13);
        reads[0].Should().Be(2, "the first step of {0} compares the input, and it is a logging point", name);
        for (var step = 1; step < 13; step++) reads[step].Should().Be(step == 10 ? 1 : 0, "step {0} of {1}", step, name);
        Train(cautious, loss, data, known: false).Should().OnlyContain(count => count >= 7, "without them everything is checked in every step");
        TrainingWorld.SameState(TrainingWorld.State(student), TrainingWorld.State(cautious));
    }

    [Fact]
    public void Loop_ModelThatBreaks_IsToldByTheNextReport_InTheWordsOfTheAttack()
    {
        using var data = TrainingWorld.Data();
        using var student = TrainingWorld.Network();
        using var diagnostics = new AttackDiagnostics();
        foreach (var batch in new ImageBatches(data, new() { BatchSize = 25 }).Epoch(0))
        {
            using var scope = NewDisposeScope();
            var context = new AttackContext { Checked = batch.Checked, Diagnostics = diagnostics };
            TrainingWorld.Pgd().Perturb(student, batch.Images, batch.Labels, context);
            using var noGrad = no_grad();
            student.parameters().Last().fill_(double.NaN);
        }
        diagnostics.Invoking(d => d.Report()).Should().Throw<InvalidOperationException>().WithMessage("The model returned NaN logits*");
        diagnostics.Report();
    }

    [Fact]
    public void Loop_ModelThatChangesItsInput_IsRefusedAtOnce()
    {
        using var data = TrainingWorld.Data();
        using var diagnostics = new AttackDiagnostics();
        using var first = TrainingWorld.Network();
        var second = new OpaqueModel(x => first.call(x.sub_(0.5)));
        var batch = new ImageBatches(data, new() { BatchSize = 25 }).Epoch(0).First();
        var (images, labels) = data.Batch([0, 1, 2]);
        using var adversarial = TrainingWorld.Pgd().Perturb(first, images, labels, new() { Diagnostics = diagnostics });
        TrainingWorld.Pgd().Invoking(attack => attack.Perturb(second, images, labels, new() { Diagnostics = diagnostics }))
            .Should().Throw<InvalidOperationException>("each model is compared once").WithMessage("*changes its input in place*");
        batch.Checked.Classes.Should().Be(3);
        images.Dispose();
        labels.Dispose();
    }

    [Fact]
    public void Evaluation_GivenDiagnostics_ReportsByItself()
    {
        using var data = TrainingWorld.Data(8);
        using var model = TrainingWorld.Network();
        using (no_grad()) model.parameters().Last().fill_(double.NaN);
        using var diagnostics = new AttackDiagnostics();
        var (images, labels) = data.Batch([0, 1, 2]);
        var result = RobustnessEvaluator.Evaluate(model, images, labels, TrainingWorld.Pgd(), new() { Context = new() { Diagnostics = diagnostics } });
        result.RobustAccuracy.Should().Be(0);
        diagnostics.Report();
        images.Dispose();
        labels.Dispose();
    }

    private static List<long> Train(PreActResNet student, IDistillationLoss loss, ImageDataset data, bool known)
    {
        using var teacher = TrainingWorld.Network(2);
        using var studentTap = FeatureTap.Attach(student, [.. loss.Needs.StudentLayers]);
        using var teacherTap = FeatureTap.AttachFrozen(teacher, [.. loss.Needs.TeacherLayers]);
        using var diagnostics = new AttackDiagnostics();
        using var optimizer = optim.SGD(student.parameters(), 0.05, momentum: 0.9);
        var inner = loss.Needs.InnerMaximization;
        var attack = inner.CreateAttack(ThreatModel.Linf(TrainingWorld.Epsilon), teacher);
        var reads = new List<long>();
        student.train();
        foreach (var batch in new ImageBatches(data, new() { BatchSize = 4, Augmentation = ImageAugmentation.Cifar with { Padding = 2 } }).Epoch(0))
        {
            var before = HostRead.Count;
            using var scope = NewDisposeScope();
            var (images, labels) = batch;
            var teacherClean = teacherTap.Forward(images);
            var context = new AttackContext { Seed = (ulong)reads.Count, SampleIndices = batch.Indices, KeepModelMode = inner.TrainMode };
            if (known)
                context = context with { Checked = batch.Checked, Diagnostics = diagnostics, Known = [new KnownOutput(teacher, images, teacherClean.Output)] };
            var adversarial = attack.Perturb(student, images, labels, context);
            var outputs = new Dictionary<NetworkPass, TappedOutput>();
            foreach (var pass in loss.Needs.Passes)
                outputs[pass] = pass == NetworkPass.TeacherClean ? teacherClean : studentTap.Forward(pass == NetworkPass.StudentClean ? images : adversarial);
            var terms = loss.Compute(new DistillationInputs { Labels = labels, Checked = known ? batch.Checked : null, Outputs = outputs });
            optimizer.zero_grad();
            terms.Total.backward();
            optimizer.step();
            if (known && reads.Count % 10 == 0) diagnostics.Report();
            reads.Add(HostRead.Count - before);
        }
        return reads;
    }
}
