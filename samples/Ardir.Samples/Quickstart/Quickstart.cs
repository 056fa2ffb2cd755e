using Ardir.Attacks;
using Ardir.Core;
using Ardir.Distillation;
using Spectre.Console;

namespace Ardir.Samples;

/// <summary>
/// The main job: a standard model, an adversarially trained teacher, and what two students learn from it, one from its output (ARD) and one
/// from its internal representations as well (ARDIR). All start from the same weights and see the same images in the same order, so that
/// only the losses differ.
/// </summary>
internal sealed class Quickstart(QuickstartSettings settings)
{
    public void Run(CancellationToken cancellation)
    {
        var started = System.Diagnostics.Stopwatch.StartNew();
        using var data = new QuickstartData(settings);
        var test = data.Test;
        AnsiConsole.MarkupLine($"[bold]Ardir quickstart[/]: {data.Train.Count} training, {data.Validation.Count} validation and "
            + $"{test.Count} test images, {settings.Threat}, seed {settings.Seed}");

        using var standard = NewNetwork();
        using var teacher = NewNetwork();
        using var lastTeacher = NewNetwork();
        using var ard = NewNetwork();
        using var ardir = NewNetwork();
        var plan = new QuickstartPlan(settings.Epochs, data.Train.Count, data.Validation.Count, test.Count);
        var runs = new List<QuickstartModel>();
        LiveDisplay.Show(display =>
        {
            var clock = new StageClock(new TimeLeft(plan.Stages), display.Add("Whole job"));
            var training = new QuickstartTraining(settings, data, display, clock, cancellation);
            runs.Add(training.Standard("Standard model", standard));
            runs.AddRange(training.Teacher("Robust teacher (SAT)", teacher, lastTeacher));
            runs.Add(training.Student("ARD student", ard, teacher, new ArdLoss(new ArdLossOptions { TeacherData = TeacherData.RobustClean })));
            runs.Add(training.Student("ARDIR student", ardir, teacher, new ArdirLoss(new ArdirLossOptions { Beta = settings.Beta })));
            Measure(display, clock.Next(), runs, test, cancellation);
        });

        QuickstartReport.Print(runs);
        var report = Path.Combine(settings.Output, "report.html");
        QuickstartReport.Save(report, settings, runs, test);
        AnsiConsole.MarkupLine($"\nReport: [bold]{Markup.Escape(Path.GetFullPath(report))}[/] ({started.Elapsed:m\\:ss} min)");
    }

    // All networks start from the same weights, so that what differs in the end comes from the losses.
    private PreActResNet NewNetwork() => PreActResNet.Create(new PreActResNetOptions
    {
        InputChannels = 1, Widths = [16, 32, 64], BlocksPerStage = 1, FirstStride = 2, Seed = settings.Seed,
    });

    private void Measure(
        LiveDisplay display, StageClock clock, List<QuickstartModel> runs, ImageDataset test, CancellationToken cancellation)
    {
        var threat = settings.Threat;
        IAttack[] attacks =
        [
            new PgdAttack(threat, new PgdOptions
            {
                Steps = QuickstartPlan.Pgd, StepSize = threat.Epsilon / 10, Selection = PgdSelection.FirstSuccess,
            }),
            // The first two parts of AutoAttack, the second with the four most likely wrong classes.
            new WorstCaseAttack("APGD-CE + APGD-T", new ApgdAttack(threat),
                new TargetedApgdAttack(threat, new TargetedApgdOptions { Classes = QuickstartPlan.Targets })),
        ];
        var tracker = new MeasureTracker(display.Add("Evaluation"), clock, test.Count, [.. runs.SelectMany(_ => QuickstartPlan.Attacks)]);
        using var images = test.To(settings.Device);
        var context = new AttackContext { Seed = settings.Seed, CancellationToken = cancellation, Progress = tracker };
        var options = new EvaluationOptions { BatchSize = test.Count, Context = context, Progress = tracker };
        foreach (var run in runs)
        {
            foreach (var attack in attacks)
            {
                tracker.Next($"{run.Title}, {attack.Name}");
                var result = RobustnessEvaluator.Evaluate(run.Model, images, attack, options);
                run.Results.Add((attack.Name, result));
                tracker.Done(FormattableString.Invariant($"{result.CleanAccuracy:P1} clean, {result.RobustAccuracy:P1} robust"));
            }
        }
    }
}
