using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>Plans and records made by hand, so that every figure of a report is known beforehand. Test sets have 1,000 images.</summary>
internal static class StudyRecords
{
    public const int Images = 1000;

    private static readonly RunEnvironment _environment = new()
    {
        Device = "cpu", Threads = 2, System = "Linux, X64", TorchSharp = "0.107.0", Ardir = "0.1.0",
    };

    public static ExperimentPlan Plan(params ExperimentMethod[] methods) => new()
    {
        Name = "A study",
        Data = new ExperimentData { Dataset = ExperimentDataset.Fashion },
        Threat = new ExperimentThreat { Epsilon = 0.05 },
        Methods = methods,
        Attacks = [new ExperimentAttack { Name = "PGD-20" }, new ExperimentAttack { Name = "AutoAttack" }],
    };

    public static ExperimentMethod Method(string name, string loss = "sat", string? teacher = null) => new() { Name = name, Loss = loss, Teacher = teacher };

    /// <summary>A finished run: clean and robust images of 1,000; PGD-20 leaves 20 more than AutoAttack; the last epoch loses 30.</summary>
    public static RunRecord Run(string method, ulong seed, int clean, int robust) => Failed(method, seed, RunOutcome.Finished, "") with
    {
        Epochs = [Epoch(0, 0.40), Epoch(1, 0.60), Epoch(2, 0.50)],
        BestEpoch = 1,
        Evaluations =
        [
            Evaluation("PGD-20", KeptWeights.Best, clean, robust + 20), Evaluation("PGD-20", KeptWeights.Last, clean, robust - 10),
            Evaluation("AutoAttack", KeptWeights.Best, clean, robust), Evaluation("AutoAttack", KeptWeights.Last, clean, robust - 30),
        ],
    };

    public static RunRecord Failed(string method, ulong seed, RunOutcome outcome, string message) => new()
    {
        Method = method, Seed = seed, Identity = new Dictionary<string, string>(), Outcome = outcome, Message = message, Environment = _environment,
    };

    public static RunEvaluation Evaluation(string attack, KeptWeights weights, int correct, int robust) => new()
    {
        Attack = attack, Weights = weights, Identity = "", Images = Images, Correct = correct, Robust = robust,
        SampleEvaluations = 1_000_000, Elapsed = TimeSpan.FromMinutes(1),
    };

    public static EpochMetrics Epoch(int epoch, double robust) => new()
    {
        Epoch = epoch, LearningRate = 0.1, TrainLoss = 1, TrainAccuracy = 0.7, CleanAccuracy = robust + 0.2, RobustAccuracy = robust,
        Terms = new Dictionary<string, double>(), Elapsed = TimeSpan.FromMinutes(2),
    };

    /// <summary>Runs of one method with robust images for seeds 1, 2, 3, ...; 900 clean images.</summary>
    public static IEnumerable<RunRecord> Runs(string method, params int[] robust) => robust.Select((count, i) => Run(method, (ulong)i + 1, 900, count));

    public static ExperimentResults Results(ExperimentPlan plan, params IEnumerable<RunRecord>[] records) => new(plan, records.SelectMany(all => all));

    public static string Markdown(ExperimentPlan plan, params IEnumerable<RunRecord>[] records) => new ExperimentReport(Results(plan, records)).ToMarkdown();

    /// <summary>The text between a heading and the next one.</summary>
    public static string Section(string markdown, string heading)
    {
        var start = markdown.IndexOf($"## {heading}\n", StringComparison.Ordinal);
        start.Should().BePositive("the report has a section '{0}'", heading);
        var end = markdown.IndexOf("\n## ", start + 3, StringComparison.Ordinal);
        return end < 0 ? markdown[start..] : markdown[start..end];
    }
}
