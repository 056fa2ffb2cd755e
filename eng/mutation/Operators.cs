using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Ardir.Mutation;

/// <summary>
/// The changes of expressions. Those that do not compile are dropped later, so types are looked at only where it saves work.
/// </summary>
internal static class Operators
{
    private static readonly Dictionary<SyntaxKind, string[]> _binary = new()
    {
        [SyntaxKind.AddExpression] = ["-"],
        [SyntaxKind.SubtractExpression] = ["+"],
        [SyntaxKind.MultiplyExpression] = ["/"],
        [SyntaxKind.DivideExpression] = ["*"],
        [SyntaxKind.ModuloExpression] = ["*"],
        [SyntaxKind.LessThanExpression] = ["<=", ">="],
        [SyntaxKind.LessThanOrEqualExpression] = ["<", ">"],
        [SyntaxKind.GreaterThanExpression] = [">=", "<="],
        [SyntaxKind.GreaterThanOrEqualExpression] = [">", "<"],
        [SyntaxKind.EqualsExpression] = ["!="],
        [SyntaxKind.NotEqualsExpression] = ["=="],
        [SyntaxKind.LogicalAndExpression] = ["||"],
        [SyntaxKind.LogicalOrExpression] = ["&&"],
        [SyntaxKind.BitwiseAndExpression] = ["|"],
        [SyntaxKind.BitwiseOrExpression] = ["&"],
    };

    public static IEnumerable<Replacement> Of(ExpressionSyntax node, SemanticModel model) => node switch
    {
        BinaryExpressionSyntax binary => OfBinary(binary, model),
        LiteralExpressionSyntax literal => Literals.Of(literal, model),
        PrefixUnaryExpressionSyntax prefix => OfPrefix(prefix),
        ConditionalExpressionSyntax conditional => OfConditional(conditional),
        InvocationExpressionSyntax call => Calls.Of(call, model),
        AssignmentExpressionSyntax or PostfixUnaryExpressionSyntax => [],
        _ when IsPlainCondition(node) => [Make(node, $"!({node})")],
        _ => [],
    };

    public static Replacement Make(ExpressionSyntax from, string to) =>
        new(SyntaxFactory.ParseExpression(to), $"{Text(from)} -> {Text(to)}");

    public static string Text(SyntaxNode node) => Text(node.ToString());

    private static string Text(string code) => string.Join(' ', code.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));

    private static IEnumerable<Replacement> OfBinary(BinaryExpressionSyntax node, SemanticModel model)
    {
        if (node.IsKind(SyntaxKind.CoalesceExpression))
            return node.Right is ThrowExpressionSyntax ? [] : [Make(node, node.Right.ToString())];
        var isText = model.GetTypeInfo(node).Type?.SpecialType == SpecialType.System_String;
        if (isText || !_binary.TryGetValue(node.Kind(), out var others)) return [];
        return others.Select(other => Make(node, $"{node.Left} {other} {node.Right}"));
    }

    private static IEnumerable<Replacement> OfPrefix(PrefixUnaryExpressionSyntax node) =>
        node.Kind() is SyntaxKind.UnaryMinusExpression or SyntaxKind.LogicalNotExpression ? [Make(node, node.Operand.ToString())] : [];

    // A comparison as the condition is negated by itself.
    private static IEnumerable<Replacement> OfConditional(ConditionalExpressionSyntax node) =>
        IsNegatedElsewhere(node.Condition) ? [] : [Make(node, $"{node.Condition} ? {node.WhenFalse} : {node.WhenTrue}")];

    private static bool IsNegatedElsewhere(ExpressionSyntax condition) => condition is BinaryExpressionSyntax
        or PrefixUnaryExpressionSyntax or ParenthesizedExpressionSyntax or LiteralExpressionSyntax;

    /// <summary>The condition of an if, a while or an operand of a logical operator that is no comparison.</summary>
    public static bool IsPlainCondition(ExpressionSyntax node) => !IsNegatedElsewhere(node) && node.Parent switch
    {
        IfStatementSyntax statement => statement.Condition == node,
        WhileStatementSyntax statement => statement.Condition == node,
        BinaryExpressionSyntax binary => binary.Kind() is SyntaxKind.LogicalAndExpression or SyntaxKind.LogicalOrExpression,
        _ => false,
    };
}
