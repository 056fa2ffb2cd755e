using System.Globalization;
using System.Text;

namespace Ardir.Mutation;

/// <summary>The score of one folder and the mutants that nothing killed.</summary>
internal sealed class FolderReport(string name, int all, IReadOnlyList<Mutant> valid, Results results, Equivalents equivalents, int seed)
{
    public string Name => name;

    /// <summary>A row of the table.</summary>
    public string Row()
    {
        var tried = Tried().ToList();
        var equivalent = tried.Count(mutant => IsOpen(mutant) && equivalents.Reason(mutant) is not null);
        var survived = tried.Count(IsOpen) - equivalent;
        var killed = tried.Count - survived - equivalent;
        var score = 100.0 * killed / Math.Max(1, tried.Count - equivalent);
        var sample = tried.Count == valid.Count ? "all" : $"{tried.Count} (seed {seed})";
        return string.Create(CultureInfo.InvariantCulture,
            $"| {name} | {all} | {valid.Count} | {sample} | {killed} | {Ended(Outcome.TimedOut)} | {Ended(Outcome.Crashed)} "
            + $"| {survived} | {equivalent} | {score:F1} % |");
    }

    /// <summary>The open mutants, by file.</summary>
    public string Details()
    {
        var text = new StringBuilder();
        foreach (var mutant in Tried().Where(IsOpen).OrderBy(mutant => mutant.File, StringComparer.Ordinal).ThenBy(mutant => mutant.Line))
        {
            var state = equivalents.Reason(mutant) is { } reason ? "equivalent: " + reason
                : results.Of[mutant.Key].Outcome == Outcome.Uncovered ? "**not run by any of the tests**" : "**survives**";
            text.Append("- `").Append(Path.GetFileName(mutant.File)).Append("`, in `").Append(mutant.Code.Replace('`', '\''))
                .Append("`: `").Append(mutant.Change.Replace('`', '\'')).Append("`. ").AppendLine(state);
        }
        return text.Length == 0 ? "None is left.\n" : text.ToString();
    }

    private IEnumerable<Mutant> Tried() => valid.Where(mutant => results.Of.ContainsKey(mutant.Key));

    private int Ended(Outcome outcome) => Tried().Count(mutant => results.Of[mutant.Key].Outcome == outcome);

    private bool IsOpen(Mutant mutant) => results.Of[mutant.Key].Outcome is Outcome.Survived or Outcome.Uncovered;
}
