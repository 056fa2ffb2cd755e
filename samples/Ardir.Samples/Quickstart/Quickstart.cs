using System.Globalization;
using Ardir.Attacks;
using Ardir.Core;
using Ardir.Distillation;
using Spectre.Console;

namespace Ardir.Samples;

/// <summary>
/// The main job: a standard model, an adversarially trained teacher and an ARDIR (RC) student of the same architecture, then the same four
/// measurements of each. Everything that a user's own program needs is here, in order.
/// </summary>
internal sealed class Quickstart(QuickstartSettings settings)
{
    private const int ValidationImages = 1000;
    private const int ReportedImages = 1000;

    private readonly ThreatModel _threat = ThreatModel.Linf(settings.Epsilon);

    public void Run(CancellationToken cancellation)
    {
        var started = System.Diagnostics.Stopwatch.StartNew();
        using var all = ImageDataset.Mnist(settings.DataFolder, Split.Train, ImageDataset.FashionMnistClassNames);
        using var test = ImageDataset.Mnist(settings.DataFolder, Split.Test, ImageDataset.FashionMnistClassNames);
        var (train, validation) = all.HoldOut(ValidationImages, settings.Seed);
        using var reported = test.Take(ReportedImages);
        using var trainSet = train;
        using var validationSet = validation;
        AnsiConsole.MarkupLine($"[bold]Ardir quickstart[/]: {train.Count}+{validation.Count} training and {reported.Count} test images, {_threat}, seed {settings.Seed}");

        using var standard = NewNetwork(1);
        using var teacher = NewNetwork(2);
        using var student = NewNetwork(3);
        var plan = new QuickstartPlan(settings.Epochs, train.Count, validation.Count, reported.Count);
        var runs = new List<QuickstartModel>();
        LiveDisplay.Show(display =>
        {
            var clock = new StageClock(new TimeLeft(plan.Stages), display.Add("Whole job"));
            QuickstartModel Fit(string title, string folder, PreActResNet model, PreActResNet? mentor, IDistillationLoss loss, int epochs)
            {
                using var trainer = NewTrainer(model, mentor, loss, folder, epochs);
                var result = trainer.Fit(train, validation, new TrainingTracker(display.Add(title), clock.Next()), cancellation);
                return Kept(trainer, title, model, loss, result);
            }
            runs.Add(Fit("Standard model", "standard", standard, null, new StandardTrainingLoss(), plan.StandardEpochs));
            runs.Add(Fit("Robust teacher (SAT)", "teacher", teacher, null, new AdversarialTrainingLoss(), settings.Epochs));
            var ardir = new ArdirLoss(new ArdirLossOptions { Beta = settings.Beta });
            runs.Add(Fit("ARDIR student (RC)", "student", student, teacher, ardir, settings.Epochs));
            Measure(display, clock.Next(), runs, reported, cancellation);
        });

        QuickstartReport.Print(runs);
        var report = Path.Combine(settings.Output, "report.html");
        QuickstartReport.Save(report, settings, _threat, runs, reported);
        AnsiConsole.MarkupLine($"\nReport: [bold]{Markup.Escape(Path.GetFullPath(report))}[/] ({started.Elapsed:m\\:ss} min)");
    }

    // The three networks start from different weights, the same ones in every run.
    private PreActResNet NewNetwork(ulong number) => PreActResNet.Create(new PreActResNetOptions
    {
        InputChannels = 1, Widths = [16, 32, 64], BlocksPerStage = 1, FirstStride = 2, Seed = settings.Seed * 1000 + number,
    });

    private DistillationTrainer NewTrainer(
        PreActResNet model, PreActResNet? teacher, IDistillationLoss loss, string folder, int epochs)
    {
        var options = new TrainerOptions
        {
            Epochs = epochs,
            BatchSize = 128,
            LearningRate = 0.1,
            Milestones = epochs < 4 ? [] : [epochs * 2 / 3, epochs * 8 / 9],
            Crafting = new PrescribedCrafting(_threat) { Steps = QuickstartPlan.TrainSteps, StepShare = 1.0 / 3 },
            SelectionAttack = new PgdAttack(_threat, new PgdOptions
            {
                Steps = QuickstartPlan.SelectionSteps, StepSize = _threat.Epsilon / 4, Selection = PgdSelection.FirstSuccess,
            }),
            Device = settings.Device,
            CheckpointDirectory = Path.Combine(settings.Output, folder),
            Seed = settings.Seed,
        };
        return new DistillationTrainer(model, teacher, loss, options);
    }

    private static QuickstartModel Kept(
        DistillationTrainer trainer, string title, PreActResNet model, IDistillationLoss loss, TrainingResult result)
    {
        // Chosen by robust accuracy, the standard model would be its least trained epoch.
        var robust = loss.Needs.CraftedImages.Count > 0;
        if (robust) trainer.RestoreBest();
        model.eval();
        return new QuickstartModel(title, model, result, robust ? result.Best : result.Last, []);
    }

    private PgdAttack Strong(IAttackLoss loss) => new(_threat, new PgdOptions
    {
        Steps = QuickstartPlan.Strong, StepSize = _threat.Epsilon / 10, Loss = loss, Selection = PgdSelection.FirstSuccess,
    });

    private void Measure(
        LiveDisplay display, StageClock clock, List<QuickstartModel> runs, ImageDataset test, CancellationToken cancellation)
    {
        IAttack[] attacks =
        [
            new FgsmAttack(_threat),
            new PgdAttack(_threat, new PgdOptions { Steps = QuickstartPlan.Pgd, StepSize = _threat.Epsilon / 10 }),
            // Stronger: more steps on the cross-entropy, then on the margin; worst case per image.
            new WorstCaseAttack($"PGD-{QuickstartPlan.Strong} CE+margin", Strong(AttackLoss.CrossEntropy), Strong(AttackLoss.Margin)),
        ];
        var tracker = new MeasureTracker(display.Add("Evaluation"), clock, test.Count, [.. runs.SelectMany(_ => QuickstartPlan.Attacks)]);
        using var data = test.To(settings.Device);
        var context = new AttackContext { Seed = settings.Seed, CancellationToken = cancellation, Progress = tracker };
        var options = new EvaluationOptions { BatchSize = 250, Context = context, Progress = tracker };
        foreach (var run in runs)
        {
            foreach (var attack in attacks)
            {
                tracker.Next($"{run.Title}, {attack.Name}");
                var result = RobustnessEvaluator.Evaluate(run.Model, data, attack, options);
                run.Results.Add((attack.Name, result));
                tracker.Done(string.Create(
                    CultureInfo.InvariantCulture, $"{result.CleanAccuracy:P1} clean, {result.RobustAccuracy:P1} robust"));
            }
        }
    }
}
