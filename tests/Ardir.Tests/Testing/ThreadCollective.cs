using Ardir.Core;

namespace Ardir.Tests;

/// <summary>Ranks as threads of one process: each works with one thread of libtorch, and sums are taken in the order of ranks.</summary>
public sealed class ThreadCollective : ICollective
{
    private readonly Meeting _meeting;

    private ThreadCollective(int rank, Meeting meeting) => (Rank, _meeting) = (rank, meeting);

    public int Rank { get; }

    public int Size => _meeting.Given.Length;

    /// <summary>How many calls this rank has made.</summary>
    public int Calls { get; private set; }

    /// <summary>Runs a program at every rank and returns the results in their order. The first failure ends the waiting of all.</summary>
    public static T[] Run<T>(int size, Func<ThreadCollective, T> program)
    {
        using var meeting = new Meeting(size);
        var results = new T[size];
        var failures = new Exception?[size];
        var threads = Enumerable.Range(0, size).Select(rank => new Thread(() =>
        {
            try
            {
                results[rank] = program(new ThreadCollective(rank, meeting));
            }
            catch (Exception e)
            {
                failures[rank] = e;
                meeting.End();
            }
        })).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
        var first = failures.FirstOrDefault(e => e is not null and not OperationCanceledException) ?? failures.FirstOrDefault(e => e is not null);
        if (first is not null) System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(first);
        return results;
    }

    public void AllReduce(Tensor values, Reduction reduction = Reduction.Sum)
    {
        CollectiveGuard.InPlace(values, nameof(values));
        Exchange(values, all =>
        {
            using var scope = NewDisposeScope();
            var result = all[0].clone();
            foreach (var next in all.Skip(1)) result = reduction == Reduction.Sum ? result + next : maximum(result, next);
            return result.MoveToOuterDisposeScope();
        }, values);
    }

    public void Broadcast(Tensor values, int root = 0)
    {
        CollectiveGuard.InPlace(values, nameof(values));
        CollectiveGuard.Root(root, Size);
        Exchange(values, all => all[root].clone(), values);
    }

    public Tensor AllGather(Tensor values)
    {
        CollectiveGuard.Rows(values, nameof(values));
        using var scope = NewDisposeScope();
        return Exchange(values, all => cat(all, 0), into: null)!.MoveToOuterDisposeScope();
    }

    public void Barrier()
    {
        Calls++;
        _meeting.Wait();
    }

    // Nobody changes its values before all have computed, and nobody gives the next ones before all have taken theirs.
    private Tensor? Exchange(Tensor values, Func<Tensor[], Tensor> combine, Tensor? into)
    {
        using var noGrad = no_grad();
        Calls++;
        _meeting.Given[Rank] = values;
        _meeting.Wait();
        var result = combine(_meeting.Given);
        _meeting.Wait();
        if (into is null) return result;
        using (result) into.copy_(result);
        return null;
    }

    private sealed class Meeting(int size) : IDisposable
    {
        private readonly Barrier _barrier = new(size);
        private readonly CancellationTokenSource _end = new();

        public Tensor[] Given { get; } = new Tensor[size];

        public void Wait() => _barrier.SignalAndWait(_end.Token);

        public void End() => _end.Cancel();

        public void Dispose()
        {
            _barrier.Dispose();
            _end.Dispose();
        }
    }
}
