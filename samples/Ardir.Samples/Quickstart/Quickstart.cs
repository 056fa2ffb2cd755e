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

        using var standard = NewNetwork("standard");
        using var teacher = NewNetwork("teacher");
        using var student = NewNetwork("student");
        var runs = new List<QuickstartModel>();
        LiveDisplay.Show(display =>
        {
            runs.Add(Train(display, "Standard model", "standard", standard, null, new StandardTrainingLoss(), Math.Max(settings.Epochs / 3, 1), train, validation, cancellation));
            runs.Add(Train(display, "Robust teacher (SAT)", "teacher", teacher, null, new AdversarialTrainingLoss(), settings.Epochs, train, validation, cancellation));
            runs.Add(Train(display, "ARDIR student (RC)", "student", student, teacher, new ArdirLoss(new ArdirLossOptions { Beta = settings.Beta }), settings.Epochs, train, validation, cancellation));
            Measure(display, runs, reported, cancellation);
        });

        QuickstartReport.Print(runs);
        var report = Path.Combine(settings.Output, "report.html");
        QuickstartReport.Save(report, settings, _threat, runs, reported);
        AnsiConsole.MarkupLine($"\nReport: [bold]{Markup.Escape(Path.GetFullPath(report))}[/] ({started.Elapsed:m\\:ss} min)");
    }

    // Seeded by name: the three networks start from different weights, the same ones in every run.
    private PreActResNet NewNetwork(string name) => PreActResNet.Create(new PreActResNetOptions
    {
        InputChannels = 1, Widths = [16, 32, 64], BlocksPerStage = 1, FirstStride = 2, Seed = settings.Seed * 1000 + (ulong)name.Length,
    });

    private QuickstartModel Train(
        LiveDisplay display, string title, string folder, PreActResNet model, PreActResNet? teacher, IDistillationLoss loss, int epochs,
        ImageDataset train, ImageDataset validation, CancellationToken cancellation)
    {
        using var trainer = new DistillationTrainer(model, teacher, loss, new TrainerOptions
        {
            Epochs = epochs,
            BatchSize = 128,
            LearningRate = 0.1,
            Milestones = epochs < 4 ? [] : [epochs * 2 / 3, epochs * 8 / 9],
            WeightDecay = 5e-4,
            TrainAttack = new PgdAttack(_threat, new PgdOptions { Steps = 7, StepSize = _threat.Epsilon / 4 }),
            SelectionAttack = new PgdAttack(_threat, new PgdOptions { Steps = 10, StepSize = _threat.Epsilon / 4, Selection = PgdSelection.FirstSuccess }),
            Device = settings.Device,
            CheckpointDirectory = Path.Combine(settings.Output, folder),
            Seed = settings.Seed,
        });
        var result = trainer.Fit(train, validation, display.Track(title), cancellation);
        // Chosen by robust accuracy, the standard model would be its least trained epoch.
        var robust = loss.Needs.NeedsStudentAttack;
        if (robust) trainer.RestoreBest();
        model.eval();
        return new QuickstartModel(title, model, result, robust ? result.Best : result.Last, []);
    }

    private PgdAttack Strong(IAttackLoss loss) => new(_threat, new PgdOptions
    {
        Steps = 50, StepSize = _threat.Epsilon / 10, Restarts = 2, Loss = loss, Selection = PgdSelection.FirstSuccess,
    });

    private void Measure(LiveDisplay display, List<QuickstartModel> runs, ImageDataset test, CancellationToken cancellation)
    {
        IAttack[] attacks =
        [
            new FgsmAttack(_threat),
            new PgdAttack(_threat, new PgdOptions { Steps = 20, StepSize = _threat.Epsilon / 10 }),
            // Stronger: two restarts of 50 steps on the cross-entropy, then on the margin; worst case per image.
            new WorstCaseAttack("PGD-50x2 CE+margin", Strong(AttackLoss.CrossEntropy), Strong(AttackLoss.Margin)),
        ];
        var tracker = display.Track("Evaluation", runs.Count * attacks.Length);
        using var data = test.To(settings.Device);
        var context = new AttackContext { Seed = settings.Seed, CancellationToken = cancellation };
        foreach (var run in runs)
        {
            foreach (var attack in attacks)
            {
                run.Results.Add((attack.Name, RobustnessEvaluator.Evaluate(run.Model, data, attack, batchSize: 250, context)));
                tracker.Advance($"{run.Title}, {attack.Name}");
            }
        }
    }
}
