using System.Diagnostics;
using Ardir.Attacks;
using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>What listeners to the meter and the activity source hear, to the last sample, and that nobody pays when none is there.</summary>
public sealed class DiagnosticsTests
{
    [Fact]
    public void Pgd10_OnEightImages_Counts80ForwardsAnd80Backwards()
    {
        using var model = TinyModels.Linear(dtype: ScalarType.Float32);
        using var images = TinyModels.Images(8);
        using var labels = TinyModels.Labels(8);
        using var listener = new Listener();
        using var adversarial = new PgdAttack(ThreatModel.Linf(0.05)).Perturb(model, images, labels);
        listener.Measurements.Should().Equal(("ardir.attack.sample_forwards", "PGD-10", 80), ("ardir.attack.sample_backwards", "PGD-10", 80));
        var activity = listener.Activities.Should().ContainSingle().Subject;
        activity.OperationName.Should().Be("ardir.attack");
        activity.Status.Should().Be(ActivityStatusCode.Unset);
        Tags(activity).Should().BeEquivalentTo(new Dictionary<string, object?>
        {
            ["ardir.attack.name"] = "PGD-10", ["ardir.threat"] = "Linf(0.05)", ["ardir.samples"] = 8L, ["ardir.model"] = "LinearModel",
            ["ardir.attack.sample_forwards"] = 80L, ["ardir.attack.sample_backwards"] = 80L,
        });
    }

    [Fact]
    public void Attack_ThatFails_TellsWhatItSpentAndWhatWentWrong()
    {
        using var images = TinyModels.Images(8);
        using var labels = TinyModels.Labels(8);
        using var listener = new Listener();
        var nan = new FuncModel(x => x.flatten(1) * double.NaN);
        new PgdAttack(ThreatModel.Linf(0.05)).Invoking(attack => attack.Perturb(nan, images, labels)).Should().Throw<InvalidOperationException>();
        listener.Total("ardir.attack.sample_forwards").Should().Be(80);
        var activity = listener.Activities.Single();
        activity.Status.Should().Be(ActivityStatusCode.Error);
        activity.StatusDescription.Should().Contain("NaN logits");
        activity.Events.Single().Name.Should().Be("exception");
    }

    [Fact]
    public void Attack_ThatIsCancelled_IsNoFailure()
    {
        using var model = TinyModels.Linear(dtype: ScalarType.Float32);
        using var images = TinyModels.Images(8);
        using var labels = TinyModels.Labels(8);
        using var listener = new Listener();
        using var source = new CancellationTokenSource();
        var progress = new ListProgress<AttackProgress>(report => { if (report.Step == 3) source.Cancel(); });
        new PgdAttack(ThreatModel.Linf(0.05)).Invoking(attack => attack.Perturb(model, images, labels, new() { CancellationToken = source.Token, Progress = progress }))
            .Should().Throw<OperationCanceledException>();
        listener.Total("ardir.attack.sample_forwards").Should().Be(24);
        listener.Activities.Single().Status.Should().Be(ActivityStatusCode.Unset);
    }

    [Fact]
    public void Evaluator_TellsAccuraciesAndTheAttackOnWhatWasRight()
    {
        using var model = TrainingWorld.Network();
        using var data = TrainingWorld.Data(20);
        using var listener = new Listener();
        var result = RobustnessEvaluator.Evaluate(model, data, TrainingWorld.Pgd(3), new() { BatchSize = 8 });
        listener.Values("ardir.accuracy", "clean").Should().Equal(result.CleanAccuracy);
        listener.Values("ardir.accuracy", "robust").Should().Equal(result.RobustAccuracy);
        listener.Total("ardir.attack.sample_forwards", "PGD-3").Should().Be(3 * result.Correct.Count(right => right)).And.BeGreaterThan(0);
        var evaluate = listener.Activities[^1];
        evaluate.OperationName.Should().Be("ardir.evaluate");
        Tags(evaluate).Should().Contain("ardir.accuracy.clean", result.CleanAccuracy).And.Contain("ardir.accuracy.robust", result.RobustAccuracy).And.Contain("ardir.samples", 20);
        listener.Activities.SkipLast(1).Should().NotBeEmpty().And.OnlyContain(activity => activity.OperationName == "ardir.attack" && activity.ParentSpanId == evaluate.SpanId);
        RobustnessEvaluator.Evaluate(model, data, attack: null, new() { RecordsAccuracy = false });
        listener.Values("ardir.accuracy", "clean").Should().ContainSingle("the caller wanted no record of the second evaluation");
    }

    [Fact]
    public void AutoAttack_CountsEveryPassOnce()
    {
        var inner = TinyModels.Smooth();
        var model = new CountingModel(inner);
        inner.eval();
        using var images = TinyModels.Images(12);
        using var labels = TinyModels.Predicted(inner, images);
        var threat = ThreatModel.Linf(0.02);
        using var listener = new Listener();
        var attack = new AutoAttack(threat, new AutoAttackOptions
        {
            Version = AutoAttackVersion.Custom, Diagnose = false, BatchSize = 8, SecurityCurve = [],
            // A unit attack, one that is called through Perturb, and a chain of such.
            Attacks = [new ApgdAttack(threat, new() { Search = new() { Iterations = 5 } }), new PgdAttack(threat, new() { Steps = 3 }), new WorstCaseAttack("chain", new FgsmAttack(threat))],
        });
        using var report = attack.Evaluate(model, images, labels);
        listener.Total("ardir.attack.sample_backwards").Should().Be(model.SampleBackwards).And.BeGreaterThan(0);
        // The rest is the clean pass.
        var others = model.SampleForwards - listener.Total("ardir.attack.sample_forwards");
        others.Should().Be(images.shape[0]);
        listener.Measurements.Where(entry => entry.Name == "ardir.attack.sample_forwards").Select(entry => entry.Tag).Distinct().Should().Contain(report.Attacks[0].Name).And.Contain("PGD-3");
        listener.Values("ardir.accuracy", "robust").Should().Equal(report.RobustAccuracy);
        var whole = listener.Activities.Single(activity => activity.OperationName == "ardir.autoattack");
        Tags(whole).Should().Contain("ardir.accuracy.robust", report.RobustAccuracy);
        listener.Activities.Where(activity => activity != whole).Should().NotBeEmpty().And.OnlyContain(activity => activity.OperationName == "ardir.attack" && activity.ParentSpanId == whole.SpanId);
        inner.Dispose();
    }

    [Fact]
    public void Fit_TellsStepsSamplesEpochsLossAndAccuracies()
    {
        using var student = TrainingWorld.Network();
        using var data = TrainingWorld.Data();
        using var listener = new Listener();
        using var trainer = new DistillationTrainer(student, null, new AdversarialTrainingLoss(), TrainingWorld.Options(2));
        var result = trainer.Fit(data, data);
        listener.Total("ardir.training.samples").Should().Be(2 * TrainingWorld.TrainCount);
        listener.Values("ardir.training.steps").Should().Equal(Enumerable.Repeat(1.0, 2 * TrainingWorld.StepsPerEpoch));
        listener.Total("ardir.training.epochs").Should().Be(2);
        // At the first step and at the last of each epoch.
        listener.Values("ardir.training.loss").Should().HaveCount(4);
        listener.Values("ardir.training.loss")[1].Should().Be(result.Epochs[0].TrainLoss);
        listener.Values("ardir.accuracy", "train").Should().Equal(result.Epochs.Select(epoch => epoch.TrainAccuracy));
        listener.Values("ardir.accuracy", "clean").Should().Equal(result.Epochs.Select(epoch => epoch.CleanAccuracy!.Value));
        listener.Values("ardir.accuracy", "robust").Should().BeEmpty();
        listener.Total("ardir.attack.sample_forwards", "PGD-2").Should().Be(2 * 2 * TrainingWorld.TrainCount);
        listener.Activities.Select(activity => activity.OperationName).Where(name => name != "ardir.attack").Should().Equal("ardir.evaluate", "ardir.epoch", "ardir.evaluate", "ardir.epoch", "ardir.fit");
        var fit = listener.Activities[^1];
        Tags(fit).Should().Contain("ardir.loss", "SAT").And.Contain("ardir.samples", 50);
        var epochs = listener.Activities.Where(activity => activity.OperationName == "ardir.epoch").ToList();
        epochs.Should().OnlyContain(activity => activity.ParentSpanId == fit.SpanId);
        Tags(epochs[1]).Should().Contain("ardir.training.loss", result.Last.TrainLoss).And.Contain("ardir.epoch", 1);
        Activity.Current.Should().BeNull();
    }

    [Fact]
    public void Fit_AveragedWeights_HaveKindsOfTheirOwn()
    {
        using var student = TrainingWorld.Network();
        using var data = TrainingWorld.Data();
        using var listener = new Listener();
        using var trainer = new DistillationTrainer(student, null, new AdversarialTrainingLoss(), TrainingWorld.Options(2) with { WeightAveraging = new StochasticWeightAveraging { StartEpoch = 1 }, SelectionAttack = TrainingWorld.Pgd() });
        var last = trainer.Fit(data, data).Last;
        listener.Values("ardir.accuracy", "clean").Should().HaveCount(2).And.EndWith(last.CleanAccuracy!.Value);
        listener.Values("ardir.accuracy", "robust").Should().HaveCount(2).And.EndWith(last.RobustAccuracy!.Value);
        listener.Values("ardir.accuracy", "average_clean").Should().Equal(last.AverageCleanAccuracy!.Value);
        listener.Values("ardir.accuracy", "average_robust").Should().Equal(last.AverageRobustAccuracy!.Value);
    }

    [Fact]
    public void Fit_ThatFails_SaysSoOnItsActivity()
    {
        using var student = TrainingWorld.Network();
        using var data = TrainingWorld.Data();
        using var listener = new Listener();
        using var trainer = new DistillationTrainer(student, null, new StandardTrainingLoss(), TrainingWorld.Options(1) with { LearningRate = 1e30 });
        trainer.Invoking(t => t.Fit(data)).Should().Throw<InvalidOperationException>();
        listener.Activities[^1].Should().Match<Activity>(activity => activity.OperationName == "ardir.fit" && activity.Status == ActivityStatusCode.Error);
    }

    [Fact]
    public void WithoutListener_NothingIsAllocated()
    {
        using var model = TinyModels.Linear(dtype: ScalarType.Float32);
        using var images = TinyModels.Images(8);
        var attack = new PgdAttack(ThreatModel.Linf(0.05));
        using var oracle = new GuardedModel(model, new AttackContext());
        using var data = TrainingWorld.Data();
        var (options, loss) = (TrainingWorld.Options(), new StandardTrainingLoss());
        var metrics = new EpochMetrics { Epoch = 0, LearningRate = 1, TrainLoss = 1, TrainAccuracy = 1, Terms = new Dictionary<string, double>(), Elapsed = default };
        void Tell()
        {
            using (var activity = AttackInstruments.Start(attack, model, images)) AttackInstruments.Spent(attack, activity, oracle);
            using var fit = TrainingInstruments.StartFit(loss, options, data);
            using var epoch = TrainingInstruments.StartEpoch(3);
            TrainingInstruments.Step(128);
            if (TrainingInstruments.WantsLoss) Assert.Fail("nobody listens");
            TrainingInstruments.EpochDone(epoch, metrics);
        }

        Tell();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++) Tell();
        (GC.GetAllocatedBytesForCurrentThread() - before).Should().Be(0);
    }

    private static Dictionary<string, object?> Tags(Activity activity) => activity.TagObjects.ToDictionary(tag => tag.Key, tag => tag.Value);
}
