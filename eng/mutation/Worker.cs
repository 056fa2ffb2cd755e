using System.Globalization;
using System.Reflection;

namespace Ardir.Mutation;

/// <summary>
/// The process in which mutants live. It reads one order per line and answers with lines that begin with <see cref="Sign"/>.
/// </summary>
internal static class Worker
{
    /// <summary>Tells answers from what tests print.</summary>
    public const string Sign = "@@";

    public const string LastingMutant = "ARDIR_MUTANT";

    private static readonly List<(FieldInfo Active, FieldInfo Seen)> _switches = [];

    public static int Run(string classes, string mutants)
    {
        var folder = AppContext.BaseDirectory;
        foreach (var library in Directory.EnumerateFiles(folder, "Ardir.*.dll").Select(Path.GetFileNameWithoutExtension))
        {
            if (Assembly.Load(library!).GetType(Switch.TypeName(library!)) is { } type)
                _switches.Add((type.GetField("Active")!, type.GetField("Seen")!));
        }
        if (int.TryParse(Environment.GetEnvironmentVariable(LastingMutant), CultureInfo.InvariantCulture, out var lasting))
            Activate(lasting);
        using var runner = new TestRunner(Assembly.Load("Ardir.Tests"), classes.Split(','));
        foreach (var test in runner.Tests) Answer("test", test.DisplayName.Replace('\n', ' '));
        Answer("ready");
        while (Console.In.ReadLine() is { } order)
        {
            var words = order.Split(' ');
            if (words[0] == "cover") Cover(runner, Number(words[1]), Number(mutants));
            else Try(runner, Number(words[1]), words[2].Split(',').Select(Number));
        }
        return 0;
    }

    private static void Cover(TestRunner runner, int test, int mutants)
    {
        var seen = new bool[mutants + 1];
        foreach (var field in _switches) field.Seen.SetValue(null, seen);
        var before = Environment.CpuUsage.TotalTime;
        var passed = runner.Passes(test);
        var used = Environment.CpuUsage.TotalTime - before;
        foreach (var field in _switches) field.Seen.SetValue(null, null);
        Answer("covered", passed, used.TotalMilliseconds.ToString("F1", CultureInfo.InvariantCulture),
            string.Join(',', Enumerable.Range(0, seen.Length).Where(id => seen[id])));
    }

    // A test that fails without the mutant, too, was disturbed by an earlier one, and one that passes with it at the second time fails by
    // chance: the word of neither counts.
    private static void Try(TestRunner runner, int mutant, IEnumerable<int> tests)
    {
        var keep = Environment.GetEnvironmentVariable(LastingMutant) is not null;
        foreach (var test in tests)
        {
            Answer("at", test);
            if (Passes(mutant)) continue;
            // A lasting mutant cannot be taken back here; the session does that in other processes.
            var isSound = keep || Passes(0);
            // It may owe its result to what the pass without the mutant left in a pool of memory; another test may still tell.
            if (isSound && !keep && Passes(mutant)) continue;
            Answer(isSound && (keep || Passes(0)) ? "killed" : "disturbed", test);
            return;

            bool Passes(int active)
            {
                if (!keep) Activate(active);
                var passed = runner.Passes(test);
                if (!keep) Activate(0);
                // What a failed test left behind must not be finalized while another test counts its tensors.
                if (passed) return true;
                GC.Collect();
                GC.WaitForPendingFinalizers();
                return false;
            }
        }
        Answer("survived");
    }

    private static void Activate(int mutant)
    {
        foreach (var field in _switches) field.Active.SetValue(null, mutant);
    }

    private static int Number(string word) => int.Parse(word, CultureInfo.InvariantCulture);

    private static void Answer(params object[] words) => Console.Out.WriteLine(Sign + string.Join('\t', words));
}
