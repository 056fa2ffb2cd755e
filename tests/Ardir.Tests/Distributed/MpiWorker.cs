using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Ardir.Core;
using Ardir.Distillation;
using Ardir.Distributed;

namespace Ardir.Tests;

/// <summary>What the ranks of the MPI tests do.</summary>
internal static class MpiWorker
{
    // After the checkpoint of the first epoch: an epoch makes several reports.
    private const int ReportsBeforeHolding = 4;

    public const int Images = 30;

    public static int Run(string job, string[] places)
    {
        MpiCollective? kept = null;
        using var signals = job == "signals" ? new MpiSignals() : null;
        var code = MpiCollective.Run(ranks =>
        {
            kept = ranks;
            signals?.AllArrive();
            var code = Work(ranks, job, places);
            if (job != "leave") Console.WriteLine($"rank {ranks.Rank} of {ranks.Size} finished with {ranks.Library}");
            return code;
        });
        Assert.Throws<ObjectDisposedException>(kept!.Barrier);
        kept!.Dispose();
        Assert.Contains("once per process", Assert.Throws<InvalidOperationException>(() => MpiCollective.Start()).Message);
        return code;
    }

    /// <summary>What is trained: the result of a run, with the weights as they are in memory.</summary>
    public static DistributedWorld.Given Training(string? folder) => new()
    {
        Loss = "ARDIR", Validates = true, Options = DistributedWorld.Options with { Epochs = 3, CheckpointDirectory = folder },
    };

    public static string Text(DistributedWorld.Ended ended) => JsonSerializer.Serialize(new
    {
        Epochs = ended.Result.Epochs.Select(epoch => epoch with { Elapsed = default }),
        Best = ended.Result.Best.Epoch,
        Student = ended.Student.Select(pair => $"{pair.Key} {string.Join(' ', pair.Value.Select(value => value.ToString("R", CultureInfo.InvariantCulture)))}"),
    });

    private static int Work(MpiCollective ranks, string job, string[] places)
    {
        switch (job)
        {
            case "exchanges":
                MpiExchanges.All(ranks, places[0]);
                return 0;
            case "train":
                Train(ranks, places);
                return 0;
            case "evaluate":
                Evaluate(ranks, places);
                return 0;
            case "code":
                return 7;
            case "signals":
                return 0;
        }
        if (ranks.Rank == 1) Fail(job);
        // The others wait for a rank that will not come.
        if (ranks.Rank != 1) ranks.Barrier();
        return 0;
    }

    private static void Fail(string job)
    {
        switch (job)
        {
            case "throw":
                throw new InvalidOperationException("the program of this rank went wrong");
            case "thread":
                var thread = new Thread(() => throw new InvalidOperationException("a thread of this rank went wrong"));
                thread.Start();
                thread.Join();
                break;
            case "kill":
                Process.GetCurrentProcess().Kill();
                break;
            case "exit":
                Environment.Exit(0);
                break;
        }
    }

    // FOLDER RESULT [HELD]: only the first rank knows of them. With HELD it stands still on the way, and the last rank leaves its number to be killed.
    private static void Train(MpiCollective ranks, string[] places)
    {
        var first = ranks.Rank == 0;
        var given = Training(first ? places[0] : null);
        if (places is [_, _, var held])
        {
            Announce(ranks, held);
            if (first) given = given with { Progress = new HoldingProgress<TrainingProgress>(ReportsBeforeHolding, held, report => report.Epoch >= 1) };
        }
        var ended = DistributedWorld.Train(ranks, given);
        if (first) File.WriteAllText(places[1], Text(ended));
    }

    private static void Evaluate(MpiCollective ranks, string[] places)
    {
        var first = ranks.Rank == 0;
        if (places is [_, _, var held]) Announce(ranks, held);
        var text = ResumeWorker.Evaluate(first ? places[0] : null, first ? places.ElementAtOrDefault(2) : null, ranks, Images);
        if (first) File.WriteAllText(places[1], text);
    }

    private static void Announce(MpiCollective ranks, string held)
    {
        if (ranks.Rank == ranks.Size - 1) File.WriteAllText($"{held}.process", $"{Environment.ProcessId}");
    }
}
