using System.Globalization;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Ardir.Tests;

/// <summary>Sizes that a reader can take in: lines, files, methods and parameter lists of the packages.</summary>
public sealed class SourceRulesTests
{
    private const int LineColumns = 140;
    private const int FileLines = 250;
    private const int MethodLines = 40;
    private const int Parameters = 5;

    private static readonly Lazy<List<SyntaxTree>> _files = new(() => [.. new[] { "Ardir.Core", "Ardir.Attacks", "Ardir.Distillation", "Ardir.Distributed" }.SelectMany(package => SourceMap.Of(package).Files)]);

    [Fact]
    public void Sources_StayReadable() => string.Join('\n', _files.Value.SelectMany(TooLarge)).Should().BeEmpty();

    private static IEnumerable<string> TooLarge(SyntaxTree file)
    {
        var (name, text) = (Path.GetFileNameWithoutExtension(file.FilePath), file.GetText());
        if (text.Lines.Count - 1 >= FileLines) yield return $"{name}: {text.Lines.Count - 1} lines; a file has less than {FileLines}";
        foreach (var line in text.Lines.Where(line => line.Span.Length > LineColumns))
            yield return $"{name}: line {line.LineNumber + 1} has {line.Span.Length} columns; at most {LineColumns}";
        foreach (var node in file.GetRoot().DescendantNodes())
        {
            var (member, parameters) = node switch
            {
                // Each parameter of a log message is a field of the entry.
                MethodDeclarationSyntax method when IsLogMessage(method) => (method.Identifier, null),
                MethodDeclarationSyntax method => (method.Identifier, method.ParameterList),
                ConstructorDeclarationSyntax constructor => (constructor.Identifier, constructor.ParameterList),
                LocalFunctionStatementSyntax function => (function.Identifier, function.ParameterList),
                DelegateDeclarationSyntax type => (type.Identifier, type.ParameterList),
                ClassDeclarationSyntax type => (type.Identifier, type.ParameterList),
                StructDeclarationSyntax type => (type.Identifier, type.ParameterList),
                _ => (default, null),
            };
            if (parameters is { Parameters.Count: > Parameters and var count })
                yield return $"{name}.{member.Text}: {count} parameters; at most {Parameters}";
            if (node is not (BaseMethodDeclarationSyntax or LocalFunctionStatementSyntax)) continue;
            var lines = file.GetLineSpan(TextSpan(member, node)) is var span ? span.EndLinePosition.Line - span.StartLinePosition.Line + 1 : 0;
            if (lines > MethodLines)
                yield return string.Create(CultureInfo.InvariantCulture, $"{name}.{member.Text}: {lines} lines; a method has at most {MethodLines}");
        }
    }

    private static bool IsLogMessage(MethodDeclarationSyntax method) =>
        method.AttributeLists.SelectMany(list => list.Attributes).Any(attribute => attribute.Name.ToString() == "LoggerMessage");

    // From the name, because comments and attributes before it are no part of what has to be read at once.
    private static Microsoft.CodeAnalysis.Text.TextSpan TextSpan(SyntaxToken name, SyntaxNode method) =>
        Microsoft.CodeAnalysis.Text.TextSpan.FromBounds(name.RawKind == 0 ? method.SpanStart : name.SpanStart, method.Span.End);
}
