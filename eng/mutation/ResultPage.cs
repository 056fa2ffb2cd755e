using System.Text;

namespace Ardir.Mutation;

/// <summary>The committed page: a row and a section for each folder. Those of other folders and what somebody noted below the table stay as
/// they are.</summary>
internal static class ResultPage
{
    private const string Head = """
        # Mutants of the numeric core

        `dotnet run -c Release --project eng/mutation -- --save benchmarks/results/mutation.md` writes this page;
        with the names of folders, their rows and sections alone.
        What a mutant is, and how to read the columns, stands in [../README.md](../README.md).

        | folder | mutants | valid | tried | killed | of them by time-out | by a crash | survived | equivalent | score |
        |---|---:|---:|---:|---:|---:|---:|---:|---:|---:|
        """;

    public static void Update(string path, IReadOnlyList<FolderReport> reports, IEnumerable<string> order)
    {
        var old = File.Exists(path) ? File.ReadAllText(path).ReplaceLineEndings("\n") : "";
        var rows = old.Split('\n').Where(line => line.StartsWith("| ", StringComparison.Ordinal)).Skip(1)
            .ToDictionary(line => line.Split('|')[1].Trim());
        var notes = string.Join('\n', old.Split("\n## ")[0].Split('\n').Reverse().TakeWhile(line => !line.StartsWith('|')).Reverse()).Trim('\n');
        var sections = old.Split("\n## ").Skip(1).Select(section => section.Split('\n', 2))
            .ToDictionary(parts => parts[0], parts => parts[1].Trim('\n'));
        foreach (var report in reports)
            (rows[report.Name], sections[report.Name]) = (report.Row(), report.Details().Trim('\n'));
        var page = new StringBuilder(Head).Append('\n');
        var names = order.Where(rows.ContainsKey).ToList();
        foreach (var name in names) page.Append(rows[name]).Append('\n');
        if (notes.Length > 0) page.Append('\n').Append(notes).Append('\n');
        foreach (var name in names) page.Append("\n## ").Append(name).Append("\n\n").Append(sections[name]).Append('\n');
        File.WriteAllText(path, page.ToString());
        if (notes.Length > 0) Console.WriteLine($"The note below the table of {path} stands as it was; see whether it is still true.");
    }
}
