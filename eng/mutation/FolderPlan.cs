using System.Text.Json;

namespace Ardir.Mutation;

/// <summary>A part of the numeric core and the tests that should notice its mutants.</summary>
/// <param name="Name">For the command line and the table.</param>
/// <param name="Sources">Folders or files below the root of the repository.</param>
/// <param name="Tests">Folders or files below tests/Ardir.Tests; a file is named like its class.</param>
/// <param name="More">Tests that only those mutants meet that survive <paramref name="Tests"/>.</param>
internal sealed record FolderPlan(string Name, string[] Sources, string[] Tests, string[]? More = null)
{
    // Tests that start processes of their own, which would run without the mutant.
    private static readonly string[] _apart = ["KilledEvaluationTests", "KilledTrainingTests", "PackedPackagesTests"];

    public static FolderPlan[] Read(string root) =>
        JsonSerializer.Deserialize<FolderPlan[]>(File.ReadAllText(Path.Combine(root, "eng/mutation/folders.json")))!;

    public string[] SourceFiles(string root) => [.. Files(root, Sources).Order(StringComparer.Ordinal)];

    public string[] TestClasses(string root, bool more) =>
        [.. TestFiles(root, more).Select(file => Path.GetFileNameWithoutExtension(file)!)];

    /// <summary>The files of these classes, below the root.</summary>
    public IEnumerable<string> TestFiles(string root, bool more) =>
        Files(Path.Combine(root, "tests/Ardir.Tests"), more ? More ?? [] : Tests)
            .Where(file => Path.GetFileNameWithoutExtension(file) is var name
                && name.EndsWith("Tests", StringComparison.Ordinal) && !_apart.Contains(name))
            .Select(file => Path.GetRelativePath(root, file).Replace('\\', '/'));

    private static IEnumerable<string> Files(string root, string[] places) => places
        .Select(place => Path.Combine(root, place))
        .SelectMany(place => File.Exists(place + ".cs") ? [place + ".cs"]
            : File.Exists(place) ? [place]
            : Directory.EnumerateFiles(place, "*.cs", SearchOption.AllDirectories));
}
