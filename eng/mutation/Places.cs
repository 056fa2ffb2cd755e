using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Ardir.Mutation;

/// <summary>Where a change can stand.</summary>
internal static class Places
{
    private static readonly string[] _logs = ["AttackLog", "EvaluationLog", "TrainerLog", "_logger", "logger"];

    /// <summary>Texts, logging and what the compiler must know beforehand: nothing below such a node is changed.</summary>
    public static bool AreClosed(SyntaxNode node) => node switch
    {
        AttributeListSyntax or ThrowStatementSyntax or ThrowExpressionSyntax or PatternSyntax or InterpolatedStringExpressionSyntax => true,
        EnumMemberDeclarationSyntax or CaseSwitchLabelSyntax or NameColonSyntax or UsingDirectiveSyntax => true,
        TypeSyntax and not NameSyntax => true,
        EqualsValueClauseSyntax { Parent: ParameterSyntax } => true,
        FieldDeclarationSyntax field => field.Modifiers.Any(SyntaxKind.ConstKeyword),
        LocalDeclarationStatementSyntax local => local.IsConst,
        InvocationExpressionSyntax call => IsLogging(call),
        _ => false,
    };

    /// <summary>Whether a choice between two values can stand in place of the expression.</summary>
    public static bool TakeChoice(ExpressionSyntax node)
    {
        if (DeclaresNames(node) || BeginsWithConditionalAccess(node)) return false;
        return node.Parent switch
        {
            ExpressionStatementSyntax => false,
            AssignmentExpressionSyntax assignment => assignment.Left != node,
            ArgumentSyntax argument => argument.RefKindKeyword.IsKind(SyntaxKind.None),
            MemberAccessExpressionSyntax access => access.Name != node,
            ForStatementSyntax loop => !loop.Incrementors.Contains(node),
            ConditionalAccessExpressionSyntax access => access.WhenNotNull != node,
            RefExpressionSyntax or PostfixUnaryExpressionSyntax or NameColonSyntax => false,
            _ => true,
        };
    }

    public static bool DeclaresNames(SyntaxNode node) => node.DescendantNodes().Any(inner => inner is VariableDesignationSyntax);

    /// <summary>In a static initializer: runs once per process.</summary>
    public static bool AreLasting(SyntaxNode node) => node.AncestorsAndSelf().Any(outer => outer switch
    {
        FieldDeclarationSyntax field => field.Modifiers.Any(SyntaxKind.StaticKeyword),
        PropertyDeclarationSyntax { Initializer: not null } property => property.Modifiers.Any(SyntaxKind.StaticKeyword),
        ConstructorDeclarationSyntax constructor => constructor.Modifiers.Any(SyntaxKind.StaticKeyword),
        _ => false,
    });

    private static bool IsLogging(InvocationExpressionSyntax call) => call.Expression switch
    {
        IdentifierNameSyntax { Identifier.Text: "nameof" } => true,
        MemberAccessExpressionSyntax member => _logs.Contains(member.Expression.ToString()),
        _ => false,
    };

    // The .b() of a?.b() has no value by itself.
    private static bool BeginsWithConditionalAccess(ExpressionSyntax node) => node switch
    {
        MemberBindingExpressionSyntax or ElementBindingExpressionSyntax => true,
        MemberAccessExpressionSyntax member => BeginsWithConditionalAccess(member.Expression),
        InvocationExpressionSyntax call => BeginsWithConditionalAccess(call.Expression),
        ElementAccessExpressionSyntax element => BeginsWithConditionalAccess(element.Expression),
        _ => false,
    };
}
