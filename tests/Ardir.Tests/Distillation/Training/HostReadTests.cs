using Ardir.Attacks;
using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>How often training reads a tensor on the host, which on a GPU means to wait for it: at logging points, and nowhere else.</summary>
public sealed class HostReadTests
{
    public static TheoryData<string, IDistillationLoss, ThreatModel> Recipes => new()
    {
        { "SAT", new AdversarialTrainingLoss(), ThreatModel.Linf(0.05) },
        { "SAT L2", new AdversarialTrainingLoss(), ThreatModel.L2(0.5) },
        { "standard", new StandardTrainingLoss(), ThreatModel.Linf(0.05) },
        { "ARDIR RC", TrainingWorld.Ardir(), ThreatModel.Linf(0.05) },
        { "ARDIR RA", new ArdirLoss(new() { Features = new() { Layers = ["net.layer*"], TeacherLayers = ["layer*"] }, TeacherData = TeacherData.RobustAdversarial }), ThreatModel.L2(0.5) },
        { "ARD", new ArdLoss(), ThreatModel.Linf(0.05) },
        { "KD", new KdLoss(), ThreatModel.Linf(0.05) },
        { "TRADES", new TradesLoss(), ThreatModel.Linf(0.05) },
        { "MART", new MartLoss(), ThreatModel.Linf(0.05) },
        { "RSLAD", new RsladLoss(), ThreatModel.Linf(0.05) },
        { "IAD", new IadLoss(), ThreatModel.Linf(0.05) },
    };

    [Theory, MemberData(nameof(Recipes))]
    public void Fit_ReadsAtLoggingPointsOnly(string name, IDistillationLoss loss, ThreatModel threat)
    {
        name.Should().NotBeEmpty();
        using var student = TrainingWorld.Student();
        using var teacher = TrainingWorld.Network(2);
        using var data = TrainingWorld.Data();
        var counts = new List<long>();
        var progress = new ListProgress<TrainingProgress>(report => { if (report.Phase == TrainingPhase.Train) counts.Add(HostRead.Count); });
        // 13 steps; the first, the eleventh and the last are logging points: one read for the loss and, with an attack, one for what it noticed.
        using var trainer = new DistillationTrainer(student, teacher, loss, TrainingWorld.Options(2) with
        {
            BatchSize = 4, Crafting = new OwnCrafting(new PgdAttack(threat, new() { Steps = 2 })), Augmentation = ImageAugmentation.Cifar with { Padding = 2 },
        });
        trainer.Fit(data, null, progress);
        counts.Should().HaveCount(26);
        var reads = counts.Zip(counts.Skip(1), (before, after) => after - before).ToList();
        var atLogging = loss.Needs.CraftedImages.Count > 0 ? 2 : 1;
        for (var step = 1; step < 13; step++) reads[step - 1].Should().Be(step is 10 or 12 ? atLogging : 0, "step {0} of the first epoch", step);
        for (var step = 1; step < 13; step++) reads[step + 12].Should().Be(step is 10 or 12 ? atLogging : 0, "step {0} of the second epoch", step);
    }

    public static TheoryData<string, Func<TrainerOptions, TrainerOptions>> Features => new()
    {
        { "accumulation", options => options with { AccumulationSteps = 2 } },
        { "weight perturbation", options => options with { WeightPerturbation = new() } },
        { "clipping", options => options with { MaxGradientNorm = 1 } },
        { "average", options => options with { WeightAveraging = new ExponentialMovingAverage() } },
        { "smoothing", options => options with { LabelSmoothing = 0.1 } },
        { "bfloat16", options => options with { Precision = TrainingPrecision.BFloat16 } },
        { "prescribed attack", options => options with { Crafting = new PrescribedCrafting(ThreatModel.Linf(0.05)) } },
    };

    [Theory, MemberData(nameof(Features))]
    public void Fit_FeaturesOfTheTrainer_ReadNothingBetweenLoggingPoints(string name, Func<TrainerOptions, TrainerOptions> change)
    {
        using var student = TrainingWorld.Student();
        using var teacher = TrainingWorld.Network(2);
        using var data = TrainingWorld.Data();
        var counts = new List<long>();
        using var trainer = new DistillationTrainer(student, teacher, TrainingWorld.Ardir(), change(TrainingWorld.Options(1)));
        trainer.Fit(data, null, new ListProgress<TrainingProgress>(_ => counts.Add(HostRead.Count)));
        (counts[1] - counts[0], counts[2] - counts[1]).Should().Be((0, 0), "of {0}", name);
    }

    [Fact]
    public void Fit_AttackAgainstTheTeachersAnswer_ReadsAtLoggingPointsOnly()
    {
        using var student = TrainingWorld.Student();
        using var teacher = TrainingWorld.Network(2);
        using var data = TrainingWorld.Data();
        foreach (var loss in new[] { AttackLoss.KlToTeacher(teacher), AttackLoss.Margin, new ArdirAttackLoss(student, teacher, new() { Features = new() { Layers = ["net.layer*"], TeacherLayers = ["layer*"] } }) })
        {
            var counts = new List<long>();
            using var trainer = new DistillationTrainer(student, teacher, new ArdLoss(), TrainingWorld.Options(1) with { Crafting = new OwnCrafting(new PgdAttack(ThreatModel.Linf(0.05), new() { Steps = 2, Loss = loss })) });
            trainer.Fit(data, null, new ListProgress<TrainingProgress>(_ => counts.Add(HostRead.Count)));
            (counts[1] - counts[0]).Should().Be(0, "of {0}", loss.Name);
            (counts[2] - counts[1]).Should().Be(0, "of {0}", loss.Name);
        }
    }

    [Fact]
    public void Fit_WithoutProgressOrListener_ReadsNoLoss()
    {
        using var student = TrainingWorld.Network();
        using var data = TrainingWorld.Data();
        long Reads(int epochs)
        {
            using var trainer = new DistillationTrainer(student, null, new StandardTrainingLoss(), TrainingWorld.Options(epochs));
            var before = HostRead.Count;
            trainer.Fit(data);
            return HostRead.Count - before;
        }

        // At two points whether a loss was no number. At the end the loss twice (to see whether it is finite, and as a part), the accuracy, and whether weights and logits are finite.
        (Reads(3) - Reads(2)).Should().Be(2 + 3 + student.parameters().Count() + 1);
    }

    [Fact]
    public void Perturb_CheckedBatch_CountsForItsOwnTensorsOnly()
    {
        using var model = TinyModels.Linear(dtype: ScalarType.Float32);
        using var images = TinyModels.Images(4);
        using var labels = TinyModels.Labels(4);
        using var bright = images + 1;
        using var wrong = labels + 9;
        using var diagnostics = new AttackDiagnostics();
        var attack = new PgdAttack(ThreatModel.Linf(0.05), new() { Steps = 1 });
        var context = new AttackContext { Checked = CheckedBatch.Of(images, labels, 4), Diagnostics = diagnostics };
        attack.Invoking(a => a.Perturb(model, bright, labels, context)).Should().Throw<ArgumentException>().WithMessage("*expected pixels in*");
        attack.Invoking(a => a.Perturb(model, images, wrong, context)).Should().Throw<ArgumentException>().WithMessage("*there are 4 classes*");
        foreach (var expected in new[] { 0, 0 })
        {
            var before = HostRead.Count;
            using var adversarial = attack.Perturb(model, images, labels, context);
            (HostRead.Count - before).Should().Be(expected);
        }
        attack.Invoking(a => a.Perturb(model, images, wrong, context with { Checked = CheckedBatch.Trusted(images, wrong, 14) })).Should()
            .Throw<ArgumentException>("the model has fewer classes than the data").WithMessage("*there are 4 classes*");
        attack.Invoking(a => a.Perturb(model, bright, labels, context with { Checked = CheckedBatch.Of(bright, labels, 4, 0, 2) })).Should()
            .Throw<ArgumentException>("the threat model has other bounds").WithMessage("*expected pixels in*");
    }

    [Theory]
    [InlineData(PerturbationNorm.Linf)]
    [InlineData(PerturbationNorm.L2)]
    public void Perturb_InsideTraining_StillRepairsWhatAnAttackReturns(PerturbationNorm norm)
    {
        var threat = norm == PerturbationNorm.Linf ? ThreatModel.Linf(0.05) : ThreatModel.L2(0.3);
        using var model = TinyModels.Linear(dtype: ScalarType.Float32);
        using var images = TinyModels.Images(4);
        using var labels = TinyModels.Labels(4);
        using var strayed = new Straying(threat).Perturb(model, images, labels, new() { Checked = CheckedBatch.Of(images, labels, 4) });
        TensorAssert.Values(threat.Contains(images, strayed)).Should().Equal(1, 1, 1, 1);
        TensorAssert.Values(strayed[0]).Should().Equal(TensorAssert.Values(images[0]), "what is inside stays bit for bit");
    }

    [Fact]
    public void Fit_ModelThatBreaksBetweenLoggingPoints_IsToldAtTheNextOne()
    {
        using var student = TrainingWorld.Network();
        using var data = TrainingWorld.Data();
        var progress = new ListProgress<TrainingProgress>(report =>
        {
            if (report.Step != 3) return;
            using var noGrad = no_grad();
            student.parameters().Last().fill_(double.NaN);
        });
        using var trainer = new DistillationTrainer(student, null, new AdversarialTrainingLoss(), TrainingWorld.Options(1) with { BatchSize = 4 });
        trainer.Invoking(t => t.Fit(data, null, progress)).Should().Throw<InvalidOperationException>().WithMessage("*Weights or logits*NaN*epoch 0*")
            .WithInnerException<InvalidOperationException>().WithMessage("*NaN logits*");
        progress.Reports[^1].Step.Should().Be(10, "the eleventh step is a logging point and was not told");
    }

    [Fact]
    public void AttackDiagnostics_SeveralRuns_TellsTheFirstCauseAndLeavesNothing()
    {
        var logger = new ListLogger();
        LeakAssert.None(() =>
        {
            using var watch = new AttackDiagnostics();
            using var scope = NewDisposeScope();
            var (yes, no) = (tensor(true), tensor(false));
            var (none, two) = (tensor([0, 0, 0]), tensor([0, 7, 1]));
            watch.Report(logger);
            watch.Add(no, no, none);
            watch.Add(null, no, null);
            watch.Report(logger);
            logger.Entries.Should().BeEmpty();
            watch.Add(no, no, two);
            watch.Add(no, no, none);
            watch.Add(no, no, two);
            watch.Report(logger);
            logger.Entries.Should().ContainSingle().Which.Message.Should().Contain("For 4 images").And.Contain("exactly zero").And.Contain("AttackLoss.Margin or AttackLoss.Dlr");
            logger.Entries.Clear();
            watch.Add(no, yes, none);
            watch.Add(yes, yes, none);
            watch.Invoking(w => w.Report(logger)).Should().Throw<InvalidOperationException>().WithMessage("The model returned NaN logits*");
            watch.Add(yes, yes, none);
            watch.Invoking(w => w.Report(logger)).Should().Throw<InvalidOperationException>().WithMessage("The gradient*");
            watch.Report(logger);
            watch.Add(yes, yes, none);
        });
    }

    /// <summary>Leaves the threat set on all but the first image.</summary>
    private sealed class Straying(ThreatModel threat) : Attack(threat)
    {
        public override string Name => "straying";

        protected override Tensor Search(AttackRun run)
        {
            run.Logits(run.Images);
            var moved = run.Images + 0.5;
            return cat([run.Images.narrow(0, 0, 1), moved.narrow(0, 1, run.Count - 1)], 0);
        }
    }
}
