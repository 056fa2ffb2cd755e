using Ardir.Attacks;
using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>Carrying out plans: what is computed, what is kept, and what is not done twice.</summary>
public sealed class ExperimentRunnerTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Run_StudentAndTeacher_AreWhatTheTrainerMakesOfThem()
    {
        var plan = ExperimentWorld.Plan() with { Seeds = [7] };

        var results = ExperimentWorld.Run(plan, _folder.Path);

        using var images = ExperimentWorld.Images(out var owned);
        using var teacher = plan.Network.Create(1, 3, SeedMixer.Mix(7, "teacher"));
        using var student = plan.Network.Create(1, 3, SeedMixer.Mix(7, "student"));
        var threat = ThreatModel.Linf(TrainingWorld.Epsilon);
        var options = new TrainerOptions
        {
            Epochs = 2, BatchSize = 16, LearningRate = 0.05, Milestones = [1], Seed = 7, EvaluationBatchSize = 250,
            Crafting = new PrescribedCrafting(threat) { Steps = 2 },
            SelectionAttack = new PgdAttack(threat, new PgdOptions { Steps = 2, StepSize = threat.Epsilon / 4, Selection = PgdSelection.FirstSuccess }),
        };
        Same(results.Find("teacher", 7)!, Trained(teacher, null, new AdversarialTrainingLoss(), images, options));
        Same(results.Find("ARDIR", 7)!, Trained(student, teacher, new ArdirLoss(new() { Beta = 0.5 }), images, options));
        var pgd = new PgdAttack(threat, new PgdOptions { Steps = 3, StepSize = threat.Epsilon / 4, Selection = PgdSelection.FirstSuccess });
        var best = RobustnessEvaluator.Evaluate(student, images.Test, pgd, new EvaluationOptions { BatchSize = 250, Context = new AttackContext { Seed = 7 } });
        var evaluation = results.Find("ARDIR", 7)!.Find("PGD-3", KeptWeights.Best)!;
        (evaluation.Images, evaluation.Correct, evaluation.Robust).Should()
            .Be((24, best.Correct.Count(right => right), best.Robust.Count(right => right)));
        foreach (var dataset in owned) dataset.Dispose();
    }

    [Fact]
    public void Run_ArdirWithBetaZero_IsArdWithReplacedLabels()
    {
        var plan = ExperimentWorld.Plan();
        var ardir = plan.Methods[0] with { Settings = MethodSettings.Empty.With("beta", 0) };
        var ard = new ExperimentMethod
        {
            Name = "ARD", Loss = "ard", Teacher = "teacher", Settings = MethodSettings.Empty.With("labelReplacement", LabelReplacement.Probabilities),
            // ARD crafts in train mode, ARDIR in eval mode.
            CraftInTrainMode = false,
        };
        plan = plan with { Methods = [ardir, ard, plan.Methods[1]], Attacks = [new ExperimentAttack { Name = "FGSM" }, new ExperimentAttack { Name = "PGD-3" }] };

        var results = ExperimentWorld.Run(plan, _folder.Path);

        foreach (var attack in plan.Attacks)
            results.Robust("ARDIR", attack.Name).Should().Equal(results.Robust("ARD", attack.Name));
        foreach (var seed in plan.Seeds)
        {
            results.Find("ARDIR", seed)!.Epochs.Select(epoch => (epoch.TrainLoss, epoch.CleanAccuracy, epoch.RobustAccuracy)).Should()
                .Equal(results.Find("ARD", seed)!.Epochs.Select(epoch => (epoch.TrainLoss, epoch.CleanAccuracy, epoch.RobustAccuracy)));
        }
    }

    [Fact]
    public void Run_Ensembles_BreakAtLeastWhatTheirPartsBreak()
    {
        var plan = ExperimentWorld.Plan();
        plan = plan with
        {
            Seeds = [1], Methods = [plan.Methods[1] with { AverageFrom = 0, Report = KeptWeights.Average }],
            Attacks = [new ExperimentAttack { Name = "APGD-CE" }, new ExperimentAttack { Name = "Fast" }, new ExperimentAttack { Name = "AutoAttack", Images = 12, Weights = [KeptWeights.Average] }],
        };

        var record = ExperimentWorld.Run(plan, _folder.Path).Find("teacher", 1)!;

        foreach (var weights in Enum.GetValues<KeptWeights>())
            record.Find("Fast", weights)!.Robust.Should().BeLessThanOrEqualTo(record.Find("APGD-CE", weights)!.Robust);
        record.Find("AutoAttack", KeptWeights.Average)!.Images.Should().Be(12);
        record.Find("AutoAttack", KeptWeights.Best).Should().BeNull();
        record.Evaluations.Should().HaveCount(7).And.OnlyContain(evaluation => evaluation.SampleEvaluations >= evaluation.Images);
    }

    [Fact]
    public void Run_Again_DoesNothing()
    {
        var plan = ExperimentWorld.Plan();
        ExperimentWorld.Run(plan, _folder.Path);
        var before = Written();

        var trained = new List<string>();
        var results = ExperimentWorld.Run(plan, _folder.Path, progress: new Activities(trained));

        trained.Should().BeEmpty();
        Written().Should().Equal(before);
        results.Missing.Should().Be(0);
    }

    [Fact]
    public void Run_MoreSeedsAndAnotherAttack_DoesOnlyWhatIsNew()
    {
        var plan = ExperimentWorld.Plan() with { Seeds = [1] };
        ExperimentWorld.Run(plan, _folder.Path);
        var activities = new List<string>();

        ExperimentWorld.Run(plan with { Seeds = [1, 2], Attacks = [.. plan.Attacks, new ExperimentAttack { Name = "FGSM" }] }, _folder.Path, progress: new Activities(activities));

        activities.Should().Equal(
            "ARDIR 1: FGSM, best weights", "ARDIR 1: FGSM, last weights", "teacher 1: FGSM, best weights", "teacher 1: FGSM, last weights",
            "teacher 2: training", "teacher 2: PGD-3, best weights", "teacher 2: PGD-3, last weights", "teacher 2: FGSM, best weights", "teacher 2: FGSM, last weights",
            "ARDIR 2: training", "ARDIR 2: PGD-3, best weights", "ARDIR 2: PGD-3, last weights", "ARDIR 2: FGSM, best weights", "ARDIR 2: FGSM, last weights");
    }

    [Fact]
    public void Run_OtherStepSize_AttacksAgainWithoutTraining()
    {
        var plan = ExperimentWorld.Plan() with { Seeds = [1] };
        ExperimentWorld.Run(plan, _folder.Path);
        var activities = new List<string>();

        ExperimentWorld.Run(plan with { Attacks = [plan.Attacks[0] with { StepSize = 0.01 }] }, _folder.Path, progress: new Activities(activities));

        activities.Should().HaveCount(4).And.OnlyContain(activity => activity.Contains("PGD-3", StringComparison.Ordinal));
    }

    [Fact]
    public void Run_EditedRecipe_IsRefusedWithTheDifference()
    {
        var plan = ExperimentWorld.Plan() with { Seeds = [1] };
        ExperimentWorld.Run(plan, _folder.Path);

        var run = () => ExperimentWorld.Run(plan with { Recipe = plan.Recipe with { LearningRate = 0.06 } }, _folder.Path);

        run.Should().Throw<InvalidOperationException>().WithMessage("*run.json belongs to another run*recipe: was*0.05*is*0.06*");
    }

    [Fact]
    public void Run_TeacherWithOtherSettings_IsAnotherRunForItsStudents()
    {
        var plan = ExperimentWorld.Plan() with { Seeds = [1] };
        ExperimentWorld.Run(plan, _folder.Path);
        Directory.Delete(_folder.File("runs/teacher"), recursive: true);

        var run = () => ExperimentWorld.Run(plan with { Methods = [plan.Methods[0], plan.Methods[1] with { Loss = "trades" }] }, _folder.Path);

        run.Should().Throw<InvalidOperationException>().WithMessage("*ARDIR*teacher: loss: was 'SAT', is 'TRADES*");
    }

    [Fact]
    public void Run_Cancelled_ResumesWithTheSameResult()
    {
        var plan = ExperimentWorld.Plan() with { Seeds = [1] };
        using var whole = new TemporaryFolder();
        var expected = ExperimentWorld.Run(plan, whole.Path);
        using var cancellation = new CancellationTokenSource();
        var first = () => ExperimentWorld.Run(
            plan, _folder.Path, progress: new After(value => value.Method == "ARDIR" && value.Training?.Epoch == 1, cancellation.Cancel), cancellation: cancellation.Token);
        first.Should().Throw<OperationCanceledException>();

        var results = ExperimentWorld.Run(plan, _folder.Path);

        foreach (var record in expected.Records) Same(results.Find(record.Method, record.Seed)!, record.Epochs);
        results.Robust("ARDIR", "PGD-3").Should().Equal(expected.Robust("ARDIR", "PGD-3"));
        Directory.GetFiles(_folder.Path, "*", SearchOption.AllDirectories).Select(Path.GetFileName).Distinct().Order().Should()
            .Equal("best.safetensors", "last.safetensors", "run.json");
    }

    [Fact]
    public void Run_LeavesNoTensorAlive()
    {
        var plan = ExperimentWorld.Plan() with { Seeds = [1] };
        var before = DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount;

        ExperimentWorld.Run(plan, _folder.Path);

        DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount.Should().Be(before);
    }

    private SortedDictionary<string, DateTime> Written() => new(
        Directory.GetFiles(_folder.Path, "*", SearchOption.AllDirectories).ToDictionary(path => path, File.GetLastWriteTimeUtc), StringComparer.Ordinal);

    private static IReadOnlyList<EpochMetrics> Trained(
        nn.Module<Tensor, Tensor> student, IModule? teacher, IDistillationLoss loss, ExperimentImages images, TrainerOptions options)
    {
        using var trainer = new DistillationTrainer(student, teacher, loss, options);
        var result = trainer.Fit(images.Train, images.Validation);
        trainer.RestoreBest();
        student.eval();
        return result.Epochs;
    }

    private static void Same(RunRecord record, IReadOnlyList<EpochMetrics> expected) =>
        record.Epochs.Select(epoch => epoch with { Elapsed = default }).Should()
            .BeEquivalentTo(expected.Select(epoch => epoch with { Elapsed = default }), options => options.WithStrictOrdering());

    private sealed class Activities(List<string> seen) : IProgress<ExperimentProgress>
    {
        public void Report(ExperimentProgress value)
        {
            var activity = $"{value.Method} {value.Seed}: {value.Activity}";
            if (value.Record is null && !seen.Contains(activity)) seen.Add(activity);
        }
    }

    private sealed class After(Func<ExperimentProgress, bool> when, Action act) : IProgress<ExperimentProgress>
    {
        public void Report(ExperimentProgress value)
        {
            if (when(value)) act();
        }
    }
}
