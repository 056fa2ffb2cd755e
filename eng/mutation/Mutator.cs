using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Ardir.Mutation;

/// <summary>Writes all mutants of one file into its syntax tree, each behind the switch.</summary>
internal sealed class Mutator(
    string file, SemanticModel model, Switch choice, int firstId, IReadOnlySet<string> keptConstants, IReadOnlySet<int> dropped)
    : CSharpSyntaxRewriter
{
    private readonly Dictionary<string, int> _equal = [];
    private int _next = firstId;

    public List<Mutant> Mutants { get; } = [];

    public HashSet<string> Constants { get; } = [];

    public SyntaxNode Root() => Visit(model.SyntaxTree.GetRoot())!;

    [return: System.Diagnostics.CodeAnalysis.NotNullIfNotNull(nameof(node))]
    public override SyntaxNode? Visit(SyntaxNode? node)
    {
        if (node is FieldDeclarationSyntax field && field.Modifiers.Any(SyntaxKind.ConstKeyword)) return OfConstant(field);
        if (node is null || Places.AreClosed(node)) return node;
        var visited = base.Visit(node)!;
        return (node, visited) switch
        {
            (ExpressionSyntax before, ExpressionSyntax after) when Places.TakeChoice(before) => Expression(before, after),
            (ExpressionStatementSyntax before, StatementSyntax after) when !Places.DeclaresNames(before) => Statement(before, after),
            _ => visited,
        };
    }

    private ExpressionSyntax Expression(ExpressionSyntax before, ExpressionSyntax after)
    {
        foreach (var replacement in Operators.Of(before, model))
            if (Register(before, replacement.Change) is { } id)
                after = choice.Expression(id, replacement.Node.WithoutTrivia(), after.WithoutTrivia()).WithTriviaFrom(before);
        return after;
    }

    private StatementSyntax Statement(ExpressionStatementSyntax before, StatementSyntax after)
    {
        foreach (var replacement in Statements.Of(before, model))
            if (Register(before, replacement.Change) is { } id)
                after = choice.Statement(id, replacement.Node, after);
        return after;
    }

    // A constant becomes a property, so that its value can be chosen when the program runs.
    private SyntaxNode OfConstant(FieldDeclarationSyntax field)
    {
        var name = field.Declaration.Variables[0].Identifier.Text;
        var type = model.GetTypeInfo(field.Declaration.Type).Type;
        if (type is not { SpecialType: >= SpecialType.System_SByte and <= SpecialType.System_Double } || keptConstants.Contains(name)
            || field.Declaration.Variables.Count > 1) return field;
        var value = (ExpressionSyntax)Visit(field.Declaration.Variables[0].Initializer!.Value)!;
        Constants.Add(name);
        var modifiers = field.Modifiers.Where(modifier => !modifier.IsKind(SyntaxKind.ConstKeyword))
            .Append(SyntaxFactory.Token(SyntaxKind.StaticKeyword));
        return SyntaxFactory.PropertyDeclaration(field.Declaration.Type.WithoutTrivia(), name)
            .WithModifiers(SyntaxFactory.TokenList(modifiers))
            .WithExpressionBody(SyntaxFactory.ArrowExpressionClause(value))
            .WithSemicolonToken(SyntaxFactory.Token(SyntaxKind.SemicolonToken));
    }

    // Numbers and keys count dropped mutants, too, so that they stay the same from one attempt to compile to the next.
    private int? Register(SyntaxNode node, string change)
    {
        var id = _next++;
        var line = node.GetLocation().GetLineSpan().StartLinePosition.Line;
        var code = model.SyntaxTree.GetText().Lines[line].ToString().Trim();
        var nth = _equal.GetValueOrDefault(code + change);
        _equal[code + change] = nth + 1;
        Mutants.Add(new Mutant(id, file, line + 1, code, change, nth, Places.AreLasting(node)));
        return dropped.Contains(id) ? null : id;
    }
}
