using System.Diagnostics;
using System.Globalization;

namespace Ardir.Mutation;

/// <summary>Tries the mutants of a folder one after the other against the tests that run them, the quickest first.</summary>
internal sealed class Session(string sandbox, IReadOnlyList<Mutant> mutants, int most, string[] classes) : IDisposable
{
    private const double SlowestFactor = 20;

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
        var (outcome, test) = Try(mutant, tests);
        if (outcome is null) (outcome, test) = Try(mutant, tests);   // in a fresh process
        if (mutant.Lasting) Stop();
        return new Result(outcome ?? Outcome.Survived, test is { } index ? Tests[index] : null, Math.Round(clock.Elapsed.TotalSeconds, 2));
    }

    public void Dispose() => Stop();

    // No outcome means that the process was disturbed and has been ended.
    private (Outcome? Outcome, int? Test) Try(Mutant mutant, List<int> tests)
    {
        if (mutant.Lasting) Stop();
        var worker = Started(mutant.Lasting ? mutant.Id : null);
        worker.Order(FormattableString.Invariant($"try {mutant.Id} {string.Join(',', tests)}"));
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
