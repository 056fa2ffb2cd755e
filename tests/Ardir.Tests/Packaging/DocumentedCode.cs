using System.Text.RegularExpressions;

namespace Ardir.Tests;

/// <summary>Makes every C# block of a document a class of its own, so that what a reader would paste is compiled and run.</summary>
internal static partial class DocumentedCode
{
    private const string Usual =
        "using Ardir.Attacks; using Ardir.Core; using Ardir.Distillation; using TorchSharp; using static TorchSharp.torch;";

    // What documents show at full size, and what runs in its place, in seconds on two cores. Nothing else differs from what is printed.
    private static readonly (string Shown, string Run)[] _smaller =
    [
        ("Epochs = 200,", "Epochs = 2,"),
        ("Milestones = [100, 150]", "Milestones = [1]"),
        ("PreActResNet.Create18(classes: 10)", "PreActResNet.Create(Surroundings.TinyResNet)"),
        ("new AutoAttack(", "Surroundings.Short("),
        ("WideResNet.Create(depth: 28, widen: 10, classes: 10)", "WideResNet.Create(depth: 10, widen: 1, classes: 10)"),
    ];

    /// <summary>What the documents show and the test makes smaller.</summary>
    public static IEnumerable<string> Shown => _smaller.Select(entry => entry.Shown);

    /// <summary>The one block of a document in some language, as it is.</summary>
    public static string Single(string text, string language) =>
        Blocks(text).Where(block => block.Groups["language"].Value == language).Should().ContainSingle().Which.Groups["code"].Value;

    /// <summary>Source files, one per C# block, named after the heading above it.</summary>
    /// <param name="document">The path of the document in the repository; compiler errors name it.</param>
    /// <param name="text">What it contains.</param>
    /// <param name="surroundings">The source of the classes that a block may build on: <c>ForSomeHeading</c> where there is one.</param>
    public static IEnumerable<(string Title, string Source)> Of(string document, string text, string surroundings)
    {
        var blocks = Blocks(text).Where(block => block.Groups["language"].Value == "csharp");
        foreach (var (block, number) in blocks.Select((block, i) => (block, i + 1)))
        {
            var line = text.AsSpan(0, block.Groups["code"].Index).Count('\n') + 1;
            var heading = Heading().Matches(text[..block.Index])[^1].Groups["title"].Value.Trim();
            var specific = "For" + NotLetters().Replace(heading, "");
            var parent = surroundings.Contains($"class {specific} ", StringComparison.Ordinal) ? specific : "Surroundings";
            var title = $"{document}, {heading} ({number})";
            yield return (title, Class(title, Smaller(block.Groups["code"].Value), (document, number, line), parent));
        }
    }

    private static string Class(string title, string code, (string Document, int Number, int Line) place, string parent)
    {
        var (document, number, line) = place;
        string[] lines = [.. code.TrimEnd().Split('\n').Select(written => written.TrimEnd('\r'))];
        var afterUsings = lines.TakeWhile(written => written.Length == 0 || Using().IsMatch(written)).Count();
        // Types come last, as in any program of top-level statements.
        var afterStatements = lines.TakeWhile((written, i) => i < afterUsings || !TypeStart().IsMatch(written)).Count();
        string Part(int from, int to) => $"#line {line + from} \"{document}\"\n{string.Join('\n', lines[from..to])}\n#line hidden\n";
        var (usings, statements) = (Part(0, afterUsings), Part(afterUsings, afterStatements));
        var (head, end) = statements.Contains("await ", StringComparison.Ordinal)
            ? ("async Task", "")
            : ("Task", "return Task.CompletedTask;\n");
        // A block that begins with directives must get along with them.
        return $"{(afterUsings == 0 ? Usual : usings)}\nnamespace Documented.{NotLetters().Replace(document, "")}{number};\n\n"
            + $"[Documented(\"{title}\")]\ninternal sealed class Block : {parent}\n{{\n"
            + $"public override {head} Run()\n{{\n{statements}{end}}}\n}}\n\n"
            + Part(afterStatements, lines.Length);
    }

    private static string Smaller(string code) =>
        _smaller.Aggregate(code, (smaller, entry) => smaller.Replace(entry.Shown, entry.Run, StringComparison.Ordinal));

    private static IEnumerable<Match> Blocks(string text) => Block().Matches(text);

    [GeneratedRegex(
        @"^```(?<language>\w+)\r?\n(?<code>.*?)^```", RegexOptions.Singleline | RegexOptions.Multiline | RegexOptions.ExplicitCapture)]
    private static partial Regex Block();

    [GeneratedRegex(@"^#+ (?<title>[^\r\n]*)", RegexOptions.Multiline | RegexOptions.ExplicitCapture)]
    private static partial Regex Heading();

    [GeneratedRegex("[^A-Za-z]")]
    private static partial Regex NotLetters();

    [GeneratedRegex(@"^(using (static )?[\w.]+( = [\w.<>, ]+)?;\s*)+(//.*)?$", RegexOptions.ExplicitCapture)]
    private static partial Regex Using();

    [GeneratedRegex(
        "^(///|((public|internal|sealed|static|abstract|partial|readonly) )*(class|record|interface|struct|enum) )",
        RegexOptions.ExplicitCapture)]
    private static partial Regex TypeStart();
}
