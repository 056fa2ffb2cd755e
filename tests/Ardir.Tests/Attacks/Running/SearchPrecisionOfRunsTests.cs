using Ardir.Attacks;
using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>Evaluations and trainings whose attacks follow gradients in bfloat16, and how they are told from others.</summary>
public sealed class SearchPrecisionOfRunsTests : SearchesInBFloat16
{
    [SkippableFact]
    public void Ensembles_OnTheRobustNetwork_FindTheSameImages_AndTheReportSaysSo()
    {
        using var robust = FashionModel.Robust();
        robust.eval();
        SkipWhereWrong(robust);
        var (images, labels) = FashionModel.Images(48);
        var ensemble = new AutoAttack(Threat, new AutoAttackOptions
        {
            Version = AutoAttackVersion.Custom, Diagnose = false, BatchSize = 48,
            Attacks = [new ApgdAttack(Threat, new ApgdOptions { Search = new() { Iterations = 15 } }), new TargetedApgdAttack(Threat, new TargetedApgdOptions { Classes = 2, Search = new() { Iterations = 15 } })],
        });
        using var plain = ensemble.Evaluate(robust, images, labels);
        using var low = ensemble.Evaluate(robust, images, labels, Low with { MemoryFormat = MemoryFormat.ChannelsLast });
        low.Robust.Should().Equal(plain.Robust);
        low.Findings.Should().BeEmpty();
        using var folder = new TemporaryFolder();
        foreach (var (report, says) in new[] { (plain, false), (low, true) })
        {
            report.SaveMarkdown(folder.File("r.md"));
            report.SaveHtml(folder.File("r.html"));
            report.SaveJson(folder.File("r.json"));
            foreach (var file in new[] { "r.md", "r.html" }) File.ReadAllText(folder.File(file)).Contains("Gradients were followed in BFloat16").Should().Be(says);
            JsonReport.Read(folder.File("r.json")).SearchPrecision.Should().Be(says ? "BFloat16" : null);
        }
        labels.Dispose();
        images.Dispose();
    }

    [SkippableFact]
    public void State_OfAnotherPrecision_IsRefused()
    {
        SkipWhereWrong();
        using var folder = new TemporaryFolder();
        var ensemble = new AutoAttack(Threat, new AutoAttackOptions { Version = AutoAttackVersion.Custom, Attacks = [Make("APGD")], Diagnose = false, StatePath = folder.File("state") });
        using var stop = new CancellationTokenSource();
        var cancelling = Low with { CancellationToken = stop.Token, Progress = new ListProgress<AttackProgress>(_ => stop.Cancel()) };
        FluentActions.Invoking(() => ensemble.Evaluate(Network, Images, Labels, cancelling)).Should().Throw<OperationCanceledException>();
        FluentActions.Invoking(() => ensemble.Evaluate(Network, Images, Labels)).Should().Throw<InvalidOperationException>().WithMessage("*search precision*");
        ensemble.Evaluate(Network, Images, Labels, Low).Dispose();
    }

    [SkippableFact]
    public void Trainer_CraftsInBFloat16_AndIsRecognisedByIt()
    {
        SkipWhereWrong();
        using var data = TrainingWorld.Data();
        using var folder = new TemporaryFolder();
        EpochMetrics Fit(SearchPrecision precision, string? checkpoints, int epochs)
        {
            using var student = TrainingWorld.Network();
            using var trainer = new DistillationTrainer(student, null, new AdversarialTrainingLoss(), TrainingWorld.Options(epochs) with
            {
                SearchPrecision = precision, CheckpointDirectory = checkpoints, Crafting = new PrescribedCrafting(ThreatModel.Linf(TrainingWorld.Epsilon)),
            });
            return trainer.Fit(data).Last;
        }
        var (full, low) = (Fit(SearchPrecision.Full, null, 1), Fit(SearchPrecision.BFloat16, folder.Path, 1));
        low.TrainLoss.Should().NotBe(full.TrainLoss).And.BeApproximately(full.TrainLoss, 0.02);
        FluentActions.Invoking(() => Fit(SearchPrecision.Full, folder.Path, 2)).Should().Throw<InvalidOperationException>().WithMessage("*SearchPrecision*");
        Fit(SearchPrecision.BFloat16, folder.Path, 2).Epoch.Should().Be(1);
    }
}
