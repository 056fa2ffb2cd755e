using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>The threads of shards: which memory they use, and that they bring nothing along from the work before.</summary>
public sealed class ShardWorkerTests
{
    private static readonly AsyncLocal<string?> _local = new();

    [SkippableFact]
    public void Run_FreedMemoryIsKept_AllThreadsTakeTheirMemoryFromTheMainPool()
    {
        if (!FreedMemory.IsKept) throw new SkipTestException("Only the C library of most Linux systems (glibc) has this setting.");
        var own = 0;
        for (var run = 0; run < 3; run++)
            ShardThreads.Run(4, 4, _ => Interlocked.Add(ref own, ShardWorker.TakesFromMainPool() ? 1 : 0));
        if (!ShardWorker.CanReachMainPool) throw new SkipTestException("Another allocator, or more pools than were tried.");
        own.Should().Be(12);
    }

    [Fact]
    public void Run_TwoCallers_EachShardSeesWhatBelongsToItsCaller()
    {
        foreach (var caller in new[] { "first", "second", null })
        {
            _local.Value = caller;
            var seen = new string?[3];
            ShardThreads.Run(3, 3, part => seen[part.From] = _local.Value);
            seen.Should().Equal(caller, caller, caller);
        }
    }

    [Fact]
    public void Run_ManyAtTheSameTime_EachHasThreadsOfItsOwn()
    {
        var most = new int[8];
        Parallel.For(0, most.Length, new ParallelOptions { MaxDegreeOfParallelism = most.Length }, run =>
        {
            // Returns only if all three run side by side.
            using var all = new Barrier(3);
            ShardThreads.Run(3, 3, _ =>
            {
                all.SignalAndWait(TimeSpan.FromMinutes(1)).Should().BeTrue();
                Interlocked.Increment(ref most[run]);
            });
        });
        most.Should().OnlyContain(count => count == 3);
    }

    [Fact]
    public void Run_OneFails_ItsExceptionComesBackAndTheThreadsAreUsedAgain()
    {
        var fail = () => ShardThreads.Run(2, 2, part => { if (part.From == 1) throw new InvalidOperationException("the second"); });
        fail.Should().Throw<InvalidOperationException>().WithMessage("the second");
        var done = 0;
        ShardThreads.Run(2, 2, _ => Interlocked.Increment(ref done));
        done.Should().Be(2);
    }
}
