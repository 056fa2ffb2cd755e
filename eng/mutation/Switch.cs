using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Ardir.Mutation;

/// <summary>Builds the code that chooses between the original and a mutant when it runs.</summary>
internal sealed class Switch(string assembly)
{
    /// <summary>Marks a choice with the number of its mutant, for the diagnostics of the compiler.</summary>
    public const string Choice = "mutant";

    /// <summary>Marks the mutated branch.</summary>
    public const string Branch = "branch";

    /// <summary>Of the class that holds the switch; differs by assembly because they see each other's internals.</summary>
    public static string TypeName(string assembly) => "Mutant_" + assembly.Replace('.', '_');

    public static string Source(string assembly) => $$"""
        internal static class {{TypeName(assembly)}}
        {
            public static int Active;
            public static bool[] Seen;
            public static bool Is(int id)
            {
                var seen = Seen;
                if (seen != null) seen[id] = true;
                return Active == id;
            }
        }
        """;

    public ExpressionSyntax Expression(int id, SyntaxNode mutated, ExpressionSyntax original) => SyntaxFactory.ParenthesizedExpression(
        SyntaxFactory.ConditionalExpression(
            Test(id),
            SyntaxFactory.ParenthesizedExpression((ExpressionSyntax)mutated).WithAdditionalAnnotations(Mark(Branch, id)),
            SyntaxFactory.ParenthesizedExpression(original))).WithAdditionalAnnotations(Mark(Choice, id));

    public StatementSyntax Statement(int id, SyntaxNode? mutated, StatementSyntax original) => SyntaxFactory.IfStatement(
        Test(id),
        (mutated as StatementSyntax ?? SyntaxFactory.Block()).WithAdditionalAnnotations(Mark(Branch, id)),
        SyntaxFactory.ElseClause(SyntaxFactory.Block(original))).WithAdditionalAnnotations(Mark(Choice, id));

    private ExpressionSyntax Test(int id) => SyntaxFactory.ParseExpression($"global::{TypeName(assembly)}.Is({id})");

    private static SyntaxAnnotation Mark(string kind, int id) => new(kind, id.ToString(System.Globalization.CultureInfo.InvariantCulture));
}
