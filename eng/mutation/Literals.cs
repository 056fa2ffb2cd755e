using System.Globalization;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Ardir.Mutation;

/// <summary>
/// Whole numbers grow by one, fractions double (very small ones become their root, which a test can tell apart), booleans flip.
/// </summary>
internal static class Literals
{
    private const double VerySmall = 1e-4;

    public static IEnumerable<Replacement> Of(LiteralExpressionSyntax node, SemanticModel model)
    {
        if (node.IsKind(SyntaxKind.TrueLiteralExpression)) return [Operators.Make(node, "false")];
        if (node.IsKind(SyntaxKind.FalseLiteralExpression)) return [Operators.Make(node, "true")];
        if (!node.IsKind(SyntaxKind.NumericLiteralExpression) || Other(node.Token.Value) is not { } other) return [];
        // A constant fits where a choice of two does not: ulong x = 5.
        var (own, needed) = (model.GetTypeInfo(node).Type, model.GetTypeInfo(node).ConvertedType);
        var isNumber = needed is { SpecialType: >= SpecialType.System_SByte and <= SpecialType.System_Double };
        var cast = isNumber && !needed!.Equals(own, SymbolEqualityComparer.Default);
        return [new(SyntaxFactory.ParseExpression(cast ? $"({needed})({other})" : other), $"{node} -> {other}")];
    }

    private static string? Other(object? value) => value switch
    {
        int number => Invariant(number + 1L),
        long number => Invariant(number + 1) + "L",
        uint number => Invariant(number + 1L) + "U",
        ulong number => Invariant(number + 1) + "UL",
        double number => Fraction(Changed(number)),
        float number => Fraction(Changed(number)) + "f",
        _ => null,
    };

    private static double Changed(double number) => number == 0 ? 1 : Math.Abs(number) < VerySmall ? Math.Sqrt(number) : 2 * number;

    private static string Fraction(double number)
    {
        var text = number.ToString("R", CultureInfo.InvariantCulture);
        return text.AsSpan().IndexOfAny(".E") < 0 ? text + ".0" : text;
    }

    private static string Invariant<T>(T number) where T : IFormattable => number.ToString(null, CultureInfo.InvariantCulture);
}
