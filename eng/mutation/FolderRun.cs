using System.Diagnostics;

namespace Ardir.Mutation;

/// <summary>One folder: compile, cover, try, keep.</summary>
internal sealed class FolderRun(string root, FolderPlan plan, Options options)
{
    private const int SaveEvery = 10;

    private readonly string _testOutput = Path.Combine(root, "tests/Ardir.Tests/bin/Release/net10.0");
    private readonly string _resultFile = Path.Combine(root, "artifacts/mutation", plan.Name + ".json");

    public FolderReport Run()
    {
        var sandbox = Sandbox.Create(root, plan.Name, _testOutput);
        var (all, valid) = Compile(sandbox);
        var results = Results.Read(_resultFile);
        results.Match(root, valid, plan.TestFiles(root, more: false).Union(plan.TestFiles(root, more: true)));
        Console.WriteLine($"{plan.Name}: {all} mutants, {valid.Count} compile, {results.Of.Count} known.");
        var equivalents = Equivalents.Read(root);
        // Always in the same random order: where a run ends early, the mutants it tried are a fair sample.
        var order = new Random(options.Seed);
        var shuffled = valid.OrderBy(mutant => mutant.Key, StringComparer.Ordinal)
            .Select(mutant => (Mutant: mutant, At: order.Next())).ToList();
        List<Mutant> inOrder = [.. shuffled.OrderBy(entry => entry.At).Select(entry => entry.Mutant)];
        var queue = inOrder.Take(options.Sample ?? int.MaxValue)
            .Where(mutant => IsWorthATry(mutant, results, equivalents)).ToList();
        if (queue.Count > 0) Try(queue, sandbox, results, valid.Count, plan.TestClasses(root, more: false));
        // The slow tests try only what the quick ones left and what has no reason to survive.
        List<Mutant> left = [.. queue.Where(mutant => IsOpen(results, mutant) && equivalents.Reason(mutant) is null)];
        if (plan.More is not null && left.Count > 0) Try(left, sandbox, results, valid.Count, plan.TestClasses(root, more: true));
        Directory.Delete(sandbox, recursive: true);
        return new FolderReport(plan.Name, all, inOrder, results, equivalents, options.Seed);
    }

    private (int All, List<Mutant> Valid) Compile(string sandbox)
    {
        var all = 0;
        var valid = new List<Mutant>();
        foreach (var group in plan.SourceFiles(root).GroupBy(file => Library.Of(root, file)))
        {
            var files = group.ToHashSet(StringComparer.Ordinal);
            var library = new MutatedLibrary(root, new Library(root, group.Key, _testOutput), files, all + 1);
            library.Compile(Path.Combine(sandbox, group.Key + ".dll"));
            all += library.All.Count;
            valid.AddRange(library.Valid);
        }
        return (all, valid);
    }

    // A survivor is tried again because a test may have been written; one with a reason for surviving is not.
    private bool IsWorthATry(Mutant mutant, Results results, Equivalents equivalents) =>
        results.Of.ContainsKey(mutant.Key) ? IsOpen(results, mutant) && equivalents.Reason(mutant) is null : !options.KnownOnly;

    private static bool IsOpen(Results results, Mutant mutant) =>
        results.Of.GetValueOrDefault(mutant.Key) is { Outcome: Outcome.Survived or Outcome.Uncovered };

    private void Try(List<Mutant> queue, string sandbox, Results results, int most, string[] classes)
    {
        using var session = new Session(sandbox, queue, queue.Max(mutant => mutant.Id) + most, classes);
        session.Cover();
        Console.WriteLine($"{session.Tests.Count} tests ran once in {session.CoverageSeconds:F0} s.");
        foreach (var test in session.Failing) Console.WriteLine($"Left out, fails without any mutant: {test}");
        var clock = Stopwatch.StartNew();
        var done = 0;
        foreach (var mutant in queue)
        {
            if (clock.Elapsed.TotalMinutes > options.Minutes) break;
            var result = session.Try(mutant);
            // Tests that do not run a mutant take nothing back from those that ran it.
            if (result.Outcome == Outcome.Uncovered && results.Of.GetValueOrDefault(mutant.Key) is { Outcome: Outcome.Survived } before)
                result = before;
            results.Of[mutant.Key] = result;
            if (IsOpen(results, mutant)) Console.WriteLine($"{result.Outcome}: {mutant.File}:{mutant.Line}  {mutant.Change}");
            if (++done % SaveEvery == 0) results.Save(_resultFile);
        }
        results.Save(_resultFile);
        Console.WriteLine($"{done} of {queue.Count} tried, {clock.Elapsed.TotalSeconds / Math.Max(1, done):F2} s each.");
    }
}
