using System.Globalization;
using System.Text;

namespace Ardir.Mutation;

/// <summary>The score of one folder and the mutants that nothing killed.</summary>
/// <param name="name">Of the folder.</param>
/// <param name="all">How many mutants there are, those included that do not compile.</param>
/// <param name="valid">Those that compile, in the order in which they are tried.</param>
/// <param name="results">Their outcomes.</param>
/// <param name="equivalents">Reasons to survive.</param>
/// <param name="seed">Of the order.</param>
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
        // Outcomes of changed files are forgotten, which leaves the others as a choice by no chance.
        var isSample = valid.Take(tried.Count).SequenceEqual(tried);
        var sample = tried.Count == valid.Count ? "all" : isSample ? $"{tried.Count} (seed {seed})" : $"{tried.Count} (no fair sample)";
        return string.Create(CultureInfo.InvariantCulture,
            $"| {name} | {all} | {valid.Count} | {sample} | {killed} | {Ended(Outcome.TimedOut)} | {Ended(Outcome.Crashed)} "
            + $"| {survived} | {equivalent} | {score:F1} % |");
    }

    /// <summary>The open mutants, by file.</summary>
    public string Details()
    {
        var text = new StringBuilder();
        foreach (var mutant in InPlace(Tried().Where(IsOpen)))
        {
            var state = equivalents.Reason(mutant) is { } reason ? "equivalent: " + reason
                : results.Of[mutant.Key].Outcome == Outcome.Uncovered ? "**not run by any of the tests**" : "**survives**";
            text.Append("- `").Append(Path.GetFileName(mutant.File)).Append("`, in `").Append(mutant.Code.Replace('`', '\''))
                .Append("`: `").Append(mutant.Change.Replace('`', '\'')).Append("`. ").AppendLine(state);
        }
        return text.Length == 0 ? "None is left.\n" : text.ToString();
    }

    private IEnumerable<Mutant> Tried() => valid.Where(mutant => results.Of.ContainsKey(mutant.Key));

    /// <summary>Reasons that cannot be right: of mutants that a test killed, and one that stands for several mutants of its line.</summary>
    public IEnumerable<string> Doubts()
    {
        foreach (var mutant in InPlace(Tried().Where(mutant => !IsOpen(mutant) && equivalents.Reason(mutant) is not null)))
            yield return $"Said to be equivalent, but killed by {results.Of[mutant.Key].Test}: {mutant.File}:{mutant.Line}  {mutant.Change}";
        foreach (var several in Tried().Where(mutant => IsOpen(mutant) && equivalents.Reason(mutant) is not null)
            .GroupBy(mutant => (mutant.File, mutant.Code, mutant.Change)).Where(group => group.Count() > 1))
            yield return $"One reason for {several.Count()} mutants: {several.Key.File}, {several.Key.Code}  {several.Key.Change}";
    }

    private static IEnumerable<Mutant> InPlace(IEnumerable<Mutant> mutants) =>
        mutants.OrderBy(mutant => mutant.File, StringComparer.Ordinal).ThenBy(mutant => mutant.Line);

    private int Ended(Outcome outcome) => Tried().Count(mutant => results.Of[mutant.Key].Outcome == outcome);

    private bool IsOpen(Mutant mutant) => results.Of[mutant.Key].Outcome is Outcome.Survived or Outcome.Uncovered;
}
