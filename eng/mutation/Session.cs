using System.Diagnostics;
using System.Globalization;

namespace Ardir.Mutation;

/// <summary>Tries the mutants of a folder one after the other against the tests that run them, the quickest first.</summary>
internal sealed class Session(string sandbox, IReadOnlyList<Mutant> mutants, int most, string[] classes) : IDisposable
{
    private const double SlowestFactor = 20;
    private const int Attempts = 4;

    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(10);

    private readonly string _classes = string.Join(',', classes);
    private readonly Dictionary<int, List<int>> _tests = mutants.ToDictionary(mutant => mutant.Id, _ => new List<int>());
    private readonly List<double> _milliseconds = [];
    private WorkerProcess? _worker;

    public IReadOnlyList<string> Tests { get; private set; } = [];

    /// <summary>Tests that fail without a mutant, which are left out.</summary>
    public List<string> Failing { get; } = [];

    public double CoverageSeconds { get; private set; }

    /// <summary>Runs every test once and notes how long it takes and which mutants it meets.</summary>
    public void Cover()
    {
        var clock = Stopwatch.StartNew();
        var worker = Started();
        Tests = [.. worker.Tests];
        for (var test = 0; test < Tests.Count; test++)
        {
            worker.Order(FormattableString.Invariant($"cover {test}"));
            var answer = worker.Answer(TimeSpan.FromMinutes(10))
                ?? throw new InvalidOperationException($"{Tests[test]} did not end. {worker.LastError}");
            _milliseconds.Add(double.Parse(answer[2], CultureInfo.InvariantCulture));
            if (answer[1] != bool.TrueString) Failing.Add(Tests[test]);
            else
                foreach (var id in answer[3].Split(',', StringSplitOptions.RemoveEmptyEntries))
                    if (_tests.TryGetValue(int.Parse(id, CultureInfo.InvariantCulture), out var tests)) tests.Add(test);
        }
        var every = Enumerable.Range(0, Tests.Count).Where(test => !Failing.Contains(Tests[test])).ToList();
        foreach (var lasting in mutants.Where(mutant => mutant.Lasting)) _tests[lasting.Id] = every;
        foreach (var tests in _tests.Values) tests.Sort((a, b) => _milliseconds[a].CompareTo(_milliseconds[b]));
        CoverageSeconds = clock.Elapsed.TotalSeconds;
    }

    public Result Try(Mutant mutant)
    {
        var tests = _tests[mutant.Id];
        if (tests.Count == 0) return new Result(Outcome.Uncovered, null, 0);
        var clock = Stopwatch.StartNew();
        var (outcome, test) = Confirmed(mutant, tests);
        // An earlier mutant may have been the disturbance, so all is tried in a fresh process; then without the tests that fail by chance.
        for (var attempt = 1; outcome is null && attempt < Attempts; attempt++)
        {
            (outcome, test) = Confirmed(mutant, tests);
            if (outcome is null && test is { } chance) tests = [.. tests.Where(other => other != chance)];
        }
        var name = outcome is not null && test is { } index ? Tests[index] : null;
        return new Result(outcome ?? Outcome.Survived, name, Math.Round(clock.Elapsed.TotalSeconds, 2));
    }

    public void Dispose() => Stop();

    // A process that hangs or dies may have been used up by earlier mutants, and a lasting mutant cannot be taken back in its process: both
    // count only when the same test fails, hangs or dies in another process with the mutant and passes in one without it.
    private (Outcome? Outcome, int? Test) Confirmed(Mutant mutant, List<int> tests)
    {
        var (outcome, test) = Try(mutant, tests);
        if (outcome is null or Outcome.Survived || (outcome == Outcome.Killed && !mutant.Lasting)) return (outcome, test);
        if (test is not { } only) return (null, null);
        var isConfirmed = InNewProcess(mutant, only) is Outcome.Killed or Outcome.TimedOut or Outcome.Crashed
            && InNewProcess(null, only) == Outcome.Survived;
        return (isConfirmed ? outcome : null, test);
    }

    private Outcome? InNewProcess(Mutant? mutant, int test)
    {
        Stop();
        var (outcome, _) = Try(mutant, [test]);
        Stop();
        return outcome;
    }

    // No outcome means that the process was disturbed and has been ended.
    private (Outcome? Outcome, int? Test) Try(Mutant? mutant, List<int> tests)
    {
        var lasting = mutant is { Lasting: true };
        if (lasting) Stop();
        var worker = Started(lasting ? mutant!.Id : null);
        // Rows of theories are found by code that a lasting mutant may change; the numbers would then mean other tests.
        var (outcome, test) = worker.Tests.SequenceEqual(Tests)
            ? Ask(worker, FormattableString.Invariant($"try {mutant?.Id ?? 0} {string.Join(',', tests)}"))
            : (null, null);
        if (lasting) Stop();
        return (outcome, test);
    }

    private (Outcome? Outcome, int? Test) Ask(WorkerProcess worker, string order)
    {
        worker.Order(order);
        int? at = null;
        while (true)
        {
            var usual = at is { } running ? _milliseconds[running] : 0;
            var answer = worker.Answer(_patience + TimeSpan.FromMilliseconds(SlowestFactor * usual));
            switch (answer?[0])
            {
                case "at": at = int.Parse(answer[1], CultureInfo.InvariantCulture); continue;
                case "killed": return (Outcome.Killed, at);
                case "survived": return (Outcome.Survived, null);
                case null:
                    var died = worker.Died;
                    Stop();
                    return (died ? Outcome.Crashed : Outcome.TimedOut, at);
                default:
                    Stop();
                    return (null, at);
            }
        }
    }

    private WorkerProcess Started(int? lasting = null) => _worker ??= new WorkerProcess(sandbox, _classes, most, lasting);

    private void Stop()
    {
        _worker?.Dispose();
        _worker = null;
    }
}
