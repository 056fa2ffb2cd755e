using Ardir.Attacks;
using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Samples;

/// <summary>Trains the networks of the quickstart, one trainer each.</summary>
internal sealed class QuickstartTraining(
    QuickstartSettings settings, QuickstartData data, LiveDisplay display, StageClock clock, CancellationToken cancellation)
{
    /// <summary>Ordinary training. Chosen by robust accuracy it would be its least trained epoch, so the last one stays.</summary>
    public QuickstartModel Standard(string title, PreActResNet model)
    {
        using var trainer = NewTrainer(model, null, new StandardTrainingLoss(), "standard");
        var result = Fit(trainer, title);
        return Kept(title, model, result, result.Last);
    }

    /// <summary>Adversarial training: the weights of the best epoch, which teach, and those of the last, which overfit.</summary>
    public IEnumerable<QuickstartModel> Teacher(string title, PreActResNet model, PreActResNet last)
    {
        using var trainer = NewTrainer(model, null, new AdversarialTrainingLoss(), "teacher");
        var result = Fit(trainer, title);
        last.load_state_dict(model.state_dict());
        trainer.RestoreBest();
        return [Kept($"{title}, best epoch", model, result, result.Best), Kept($"{title}, last epoch", last, result, result.Last)];
    }

    /// <summary>Distillation: the best epoch.</summary>
    public QuickstartModel Student(string title, PreActResNet model, PreActResNet teacher, IDistillationLoss loss)
    {
        using var trainer = NewTrainer(model, teacher, loss, title);
        var result = Fit(trainer, title);
        trainer.RestoreBest();
        return Kept(title, model, result, result.Best);
    }

    private TrainingResult Fit(DistillationTrainer trainer, string title) =>
        trainer.Fit(data.Train, data.Validation, new TrainingTracker(display.Add(title), clock.Next()), cancellation);

    private static QuickstartModel Kept(string title, PreActResNet model, TrainingResult result, EpochMetrics kept)
    {
        model.eval();
        return new QuickstartModel(title, model, result, kept, []);
    }

    private DistillationTrainer NewTrainer(PreActResNet model, PreActResNet? teacher, IDistillationLoss loss, string folder)
    {
        var epochs = settings.Epochs;
        var options = new TrainerOptions
        {
            Epochs = epochs,
            BatchSize = QuickstartPlan.BatchSize,
            LearningRate = 0.1,
            Milestones = epochs < 4 ? [] : [epochs / 2, epochs * 3 / 4],
            Crafting = new PrescribedCrafting(settings.Threat) { Steps = QuickstartPlan.TrainSteps, StepShare = 1.0 / 3 },
            SelectionAttack = new PgdAttack(settings.Threat, new PgdOptions
            {
                Steps = QuickstartPlan.SelectionSteps, StepSize = settings.Epsilon / 4, Selection = PgdSelection.FirstSuccess,
            }),
            Device = settings.Device,
            CheckpointDirectory = Path.Combine(settings.Output, folder.ToLowerInvariant().Replace(' ', '-')),
            Seed = settings.Seed,
        };
        return new DistillationTrainer(model, teacher, loss, options);
    }
}
