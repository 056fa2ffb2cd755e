using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>
/// The comparison of the paper from end to end, on few real images and networks that learn little: all methods and their teachers, shared
/// by two processes of the samples, under AutoAttack, and what must hold of the results however little was learnt.
/// </summary>
[Collection(TestSetup.OtherProcesses)]
public sealed class PaperComparisonTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Paper_AllMethods_SharedByTwoProcesses_HoldsWhatMustHold()
    {
        var plan = Reduced();
        plan.Save(_folder.File("plan.json"));

        var processes = await Task.WhenAll(Enumerable.Range(0, 2).Select(_ => Task.Run(Paper)));

        foreach (var process in processes) process.ShouldSucceed();
        var results = ExperimentResults.Load(plan, _folder.File("study"));
        results.Missing.Should().Be(0);
        results.Records.Should().HaveCount(plan.Methods.Count).And.OnlyContain(record => record.Outcome == RunOutcome.Finished);
        foreach (var record in results.Records) ShouldBeComplete(plan.Method(record.Method), record);
        File.ReadAllText(_folder.File("study/report.md")).Should().ContainAll(plan.Methods.Select(method => $"| {method.Name} | 1 |"));
    }

    private SampleProcess Paper() => SampleProcess.Run(_folder.Path, "paper", "--plan", "plan.json", "--out", "study");

    private static ExperimentPlan Reduced()
    {
        var plan = PaperPlans.Comparison(ExperimentDataset.Fashion, ExperimentScale.Small);
        return plan with
        {
            Data = plan.Data with { TrainImages = 64, ValidationImages = 20, TestImages = 12 },
            Network = plan.Network with { Widths = [4, 8] },
            Recipe = plan.Recipe with { Epochs = 3, BatchSize = 16, Milestones = [2] },
            Threat = plan.Threat with { Epsilon = 0.02 },
            // The ensemble takes most of the time, so it attacks one kind of weights.
            Attacks = [.. plan.Attacks.Select(attack => attack.Name == "AutoAttack" ? attack with { Weights = [KeptWeights.Best] } : attack)],
            Methods =
            [
                // Those that begin or average at an epoch do so at the second.
                .. plan.Methods.Select(method => method.Name switch
                {
                    "IAD-I" => method with { Settings = method.Settings.With("begin", 1) },
                    "AKD2" => method with { AverageFrom = 1 },
                    _ => method,
                }),
            ],
            Seeds = [1],
        };
    }

    private void ShouldBeComplete(ExperimentMethod method, RunRecord record)
    {
        KeptWeights[] kept = method.AverageFrom is null ? [KeptWeights.Best, KeptWeights.Last] : Enum.GetValues<KeptWeights>();
        foreach (var weights in kept)
        {
            var (fgsm, pgd) = (record.Find("FGSM", weights)!, record.Find("PGD-20", weights)!);
            (fgsm.Correct, fgsm.Images).Should().Be((pgd.Correct, 12));
            fgsm.Robust.Should().BeLessThanOrEqualTo(fgsm.Correct);
        }
        var (best, ensemble) = (record.Find("PGD-20", KeptWeights.Best)!, record.Find("AutoAttack", KeptWeights.Best)!);
        ensemble.Correct.Should().Be(best.Correct);
        ensemble.Robust.Should().BeLessThanOrEqualTo(best.Robust, "of {0}", method.Name);
        record.Epochs.Should().HaveCount(3);
        Directory.GetFiles(_folder.File($"study/runs/{method.Name}/seed-1")).Select(Path.GetFileName).Order(StringComparer.Ordinal).Should()
            .Equal([.. kept.Select(weights => $"{weights.ToString().ToLowerInvariant()}.safetensors").Order(StringComparer.Ordinal), "run.json"]);
    }
}
