using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Ardir.Mutation;

/// <summary>Calls become their counterpart, or what they were called on.</summary>
internal static class Calls
{
    private static readonly Dictionary<string, string> _swaps = Both(
        ("Min", "Max"), ("min", "max"), ("minimum", "maximum"), ("amin", "amax"), ("argmin", "argmax"),
        ("Floor", "Ceiling"), ("floor", "ceil"),
        ("add", "sub"), ("add_", "sub_"), ("mul", "div"), ("mul_", "div_"), ("logical_and", "logical_or"), ("sum", "mean"), ("any", "all"),
        ("Any", "All"), ("First", "Last"), ("clamp_min", "clamp_max"), ("clamp_min_", "clamp_max_"),
        ("zeros", "ones"), ("zeros_like", "ones_like"),
        ("MinBy", "MaxBy"), ("log", "exp"), ("Log", "Exp"), ("eq", "ne"), ("lt", "ge"), ("gt", "le"), ("Sum", "Average"));

    // Called on a tensor or a sequence, or with one number: the call is left out.
    private static readonly HashSet<string> _droppable =
    [
        "abs", "abs_", "neg", "neg_", "sign", "sign_", "sqrt", "sqrt_", "square", "square_", "clamp", "clamp_", "clamp_min", "clamp_min_",
        "clamp_max", "clamp_max_", "logical_not", "logical_not_", "exp", "exp_", "log", "log_", "log_softmax",
        "softmax", "relu", "relu_", "flip", "round", "detach", "pow", "cumsum", "mul", "mul_", "div", "div_", "add", "add_", "sub", "sub_",
        "Abs", "Sqrt", "Clamp", "Round", "Ceiling", "Floor", "Reverse", "Order", "OrderBy", "Skip", "Take", "Where",
    ];

    public static IEnumerable<Replacement> Of(InvocationExpressionSyntax call, SemanticModel model)
    {
        if (Operators.IsPlainCondition(call)) yield return Operators.Make(call, $"!{call}");
        var name = call.Expression switch
        {
            MemberAccessExpressionSyntax member => member.Name,
            IdentifierNameSyntax identifier => identifier,
            _ => null,
        };
        if (name is not IdentifierNameSyntax) yield break;
        var text = name.Identifier.Text;
        if (_swaps.TryGetValue(text, out var other))
        {
            var swapped = call.ReplaceNode(name, SyntaxFactory.IdentifierName(other));
            yield return new(swapped, $"{Operators.Text(call)} -> {other}");
        }
        if (_droppable.Contains(text) && Kept(call, model) is { } kept) yield return Operators.Make(call, kept.ToString());
    }

    // x.abs() leaves x; Math.Abs(x) leaves x, too.
    private static ExpressionSyntax? Kept(InvocationExpressionSyntax call, SemanticModel model)
    {
        if (call.Expression is not MemberAccessExpressionSyntax member) return null;
        if (model.GetSymbolInfo(member.Expression).Symbol is not INamedTypeSymbol) return member.Expression;
        return call.ArgumentList.Arguments.FirstOrDefault()?.Expression;
    }

    private static Dictionary<string, string> Both(params (string One, string Other)[] pairs) =>
        pairs.SelectMany(pair => new[] { pair, (One: pair.Other, Other: pair.One) }).ToDictionary(pair => pair.One, pair => pair.Other);
}
