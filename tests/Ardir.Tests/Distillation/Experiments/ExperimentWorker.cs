using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>A process that works on the folder of an experiment: <c>dotnet Ardir.Tests.dll experiment FOLDER FILE</c> carries out the plan and
/// writes down in a file which runs it did. With a marker it stands still within the second run that it begins, having made that file,
/// and waits to be killed.</summary>
internal static class ExperimentWorker
{
    public static ExperimentPlan Plan { get; } = ExperimentWorld.Plan() with { Seeds = [1, 2, 3] };

    public static void Run(string folder, string name, string? holdAt)
    {
        var done = new Done(holdAt);
        ExperimentWorld.Run(Plan, folder, progress: done);
        File.WriteAllLines(name, done.Runs);
    }

    private sealed class Done(string? holdAt) : IProgress<ExperimentProgress>
    {
        public List<string> Runs { get; } = [];

        public void Report(ExperimentProgress value)
        {
            if (value.Record is { } record) Runs.Add($"{record.Method} {record.Seed}");
            if (holdAt is null || Runs.Count == 0 || value.Training?.Epoch != 1) return;
            File.WriteAllText(holdAt, "held");
            Thread.Sleep(Timeout.Infinite);
        }
    }
}
