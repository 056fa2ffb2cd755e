using System.Diagnostics;
using Ardir.Core;
using Ardir.Distributed;

namespace Ardir.Tests;

/// <summary>What the ranks of the MPI tests do.</summary>
internal static class MpiWorker
{
    public static int Run(string job, string place)
    {
        MpiCollective? kept = null;
        var code = MpiCollective.Run(ranks =>
        {
            kept = ranks;
            switch (job)
            {
                case "exchanges":
                    MpiExchanges.All(ranks, place);
                    break;
                case "throw" when ranks.Rank == 1:
                    throw new InvalidOperationException("the program of this rank went wrong");
                case "thread" when ranks.Rank == 1:
                    var thread = new Thread(() => throw new InvalidOperationException("a thread of this rank went wrong"));
                    thread.Start();
                    thread.Join();
                    break;
                case "kill" when ranks.Rank == 1:
                    Process.GetCurrentProcess().Kill();
                    break;
                case "exit" when ranks.Rank == 1:
                    Environment.Exit(0);
                    break;
                case "leave" when ranks.Rank == 1:
                    return 0;
            }
            // The others wait for a rank that will not come.
            ranks.Barrier();
            Console.WriteLine($"rank {ranks.Rank} of {ranks.Size} finished with {ranks.Library}");
            return job == "code" ? 7 : 0;
        });
        Assert.Throws<ObjectDisposedException>(kept!.Barrier);
        kept!.Dispose();
        Assert.Contains("once per process", Assert.Throws<InvalidOperationException>(() => MpiCollective.Start()).Message);
        return code;
    }
}
