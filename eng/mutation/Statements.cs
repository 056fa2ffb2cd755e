using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Ardir.Mutation;

/// <summary>Calls and assignments are left out; those that compute in place get their counterpart, too.</summary>
internal static class Statements
{
    public static IEnumerable<Replacement> Of(ExpressionStatementSyntax node, SemanticModel model)
    {
        if (node.Expression is AssignmentExpressionSyntax or InvocationExpressionSyntax or PostfixUnaryExpressionSyntax)
            yield return new(SyntaxFactory.Block(), $"{Operators.Text(node)} -> removed");
        if (node.Expression is AssignmentExpressionSyntax assignment && Counterpart(assignment) is { } other)
        {
            var statement = SyntaxFactory.ParseStatement($"{assignment.Left} {other} {assignment.Right};");
            yield return new(statement, $"{Operators.Text(node)} -> {other}");
        }
        if (node.Expression is InvocationExpressionSyntax call)
            foreach (var replacement in Calls.Of(call, model))
                if (replacement.Node is InvocationExpressionSyntax swapped)
                    yield return new(SyntaxFactory.ExpressionStatement(swapped), replacement.Change);
    }

    private static string? Counterpart(AssignmentExpressionSyntax node) => node.Kind() switch
    {
        SyntaxKind.AddAssignmentExpression => "-=",
        SyntaxKind.SubtractAssignmentExpression => "+=",
        SyntaxKind.MultiplyAssignmentExpression => "/=",
        SyntaxKind.DivideAssignmentExpression => "*=",
        _ => null,
    };
}
