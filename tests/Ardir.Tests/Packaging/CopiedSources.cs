using System.Text.RegularExpressions;

namespace Ardir.Tests;

/// <summary>
/// Copies of the library's own attacks and losses, as users would make them: another namespace and other names of the types, nothing else. That they compile against the packages
/// and compute the same shows that attacks and losses of one's own can do whatever those of the library can.
/// </summary>
internal static class CopiedSources
{
    // Every attack and every loss, and the helpers beside them that are no part of the public face.
    private static readonly string[] _copied =
    [
        "Ardir.Attacks/Gradient", "Ardir.Attacks/Boundary", "Ardir.Attacks/Square", "Ardir.Attacks/EotAttack.cs", "Ardir.Attacks/Owned.cs", "Ardir.Attacks/TargetClasses.cs", "Ardir.Attacks/Losses/CarliniWagnerLoss.cs",
        "Ardir.Distillation/Losses/Objectives",
    ];

    private const string Usings = """
        using Ardir.Attacks;
        using Ardir.Core;
        using Ardir.Distillation;
        using TorchSharp;
        using static TorchSharp.torch;
        using IModule = TorchSharp.torch.nn.IModule<TorchSharp.torch.Tensor, TorchSharp.torch.Tensor>;
        """;

    /// <summary>The copies. Each type is called as the original with <c>Copied</c> before it.</summary>
    /// <param name="source">The folder src of the repository.</param>
    /// <returns>Names and texts of the files, and the names of the types that were copied.</returns>
    public static (IReadOnlyList<(string Name, string Text)> Files, IReadOnlyList<string> Types) Of(string source)
    {
        var files = _copied.Select(path => Path.Combine(source, path))
            .SelectMany(path => File.Exists(path) ? [path] : Directory.GetFiles(path, "*.cs", SearchOption.AllDirectories))
            .Select(path => (Name: Path.GetFileName(path), Text: File.ReadAllText(path))).ToList();
        var types = files.SelectMany(file => Declarations(file.Text)).Distinct(StringComparer.Ordinal).ToList();
        return ([.. files.Select(file => ($"Copied{file.Name}", Renamed(file.Text, types)))], types);
    }

    private static IEnumerable<string> Declarations(string text) =>
        Regex.Matches(text, @"(?<=^([a-z]+ )*(class|record|struct|enum|interface) )[A-Z]\w*", RegexOptions.Multiline | RegexOptions.ExplicitCapture).Select(match => match.Value);

    private static string Renamed(string text, IEnumerable<string> types)
    {
        text = Regex.Replace(text, @"^using (?:Ardir\.\w+);\r?\n", "", RegexOptions.Multiline);
        text = Regex.Replace(text, @"^namespace Ardir\.\w+;", $"{Usings}\n\nnamespace Copies;", RegexOptions.Multiline);
        // What stands in quotes are messages, names and keys of random streams.
        return Regex.Replace(text, $@"""(?:\\.|[^""\\\n])*""|\b(?:{string.Join('|', types)})\b", match => match.Value[0] == '"' ? match.Value : $"Copied{match.Value}");
    }
}
