using System.Globalization;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Ardir.Mutation;

/// <summary>
/// A library with all mutants of some of its files compiled in, each behind the switch; those that do not compile are dropped.
/// </summary>
internal sealed class MutatedLibrary(string root, Library library, IReadOnlySet<string> files, int firstId)
{
    private const int MostAttempts = 25;

    private readonly HashSet<string> _keptConstants = [];
    private readonly HashSet<int> _dropped = [];
    private readonly HashSet<string> _constants = [];

    public List<Mutant> All { get; private set; } = [];

    /// <summary>Those that compile.</summary>
    public IEnumerable<Mutant> Valid => All.Where(mutant => !_dropped.Contains(mutant.Id));

    /// <summary>Writes the assembly.</summary>
    public void Compile(string target)
    {
        var original = library.Generated(library.Compilation());
        for (var attempt = 0; attempt < MostAttempts; attempt++)
        {
            var mutated = Mutated(original);
            var errors = mutated.GetDiagnostics().Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error).ToList();
            if (errors.Count == 0)
            {
                using var file = File.Create(target);
                var result = mutated.Emit(file, manifestResources: library.Resources());
                if (result.Success) return;
                errors = [.. result.Diagnostics.Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error)];
            }
            if (!errors.Select(Drop).ToList().Contains(true))
                throw new InvalidOperationException(
                    "The library does not compile, and no mutant explains it:\n" + string.Join('\n', errors.Take(10)));
        }
        throw new InvalidOperationException($"Mutants that do not compile were left after {MostAttempts} attempts.");
    }

    private Compilation Mutated(Compilation original)
    {
        var mutated = original.AddSyntaxTrees(Library.ParseText(Switch.Source(library.Name)));
        All = [];
        _constants.Clear();
        var trees = original.SyntaxTrees.Where(tree => files.Contains(tree.FilePath));
        foreach (var tree in trees.OrderBy(tree => tree.FilePath, StringComparer.Ordinal))
        {
            var path = Path.GetRelativePath(root, tree.FilePath).Replace('\\', '/');
            var (model, choice) = (original.GetSemanticModel(tree), new Switch(library.Name));
            var mutator = new Mutator(path, model, choice, firstId + All.Count, _keptConstants, _dropped);
            var changed = tree.WithRootAndOptions(mutator.Root(), tree.Options);
            mutated = mutated.ReplaceSyntaxTree(tree, changed);
            All.AddRange(mutator.Mutants);
            _constants.UnionWith(mutator.Constants);
        }
        return mutated;
    }

    // What an error is about: a mutated branch, the choice around it, a constant that is none any more, or, if it is not to be told, the
    // whole statement.
    private bool Drop(Diagnostic error)
    {
        if (error.Location.SourceTree is not { } tree) return false;
        var node = tree.GetRoot().FindNode(error.Location.SourceSpan);
        var constants = Names(node).Where(_constants.Contains).ToList();
        if (constants.Count > 0 && error.Id is "CS0133" or "CS0150" or "CS0182" or "CS1736" or "CS9135")
            return constants.ConvertAll(_keptConstants.Add).Contains(true);
        if (error.Id is "CS0165" or "CS0177" or "CS0269" && AddAll(Assigning(node, Quoted(error)))) return true;
        foreach (var outer in node.AncestorsAndSelf())
        {
            if (Ids(outer, Switch.Branch).Count > 0) return _dropped.Add(Ids(outer, Switch.Branch)[0]);
            // The argument or the value that is the choice is also where the compiler reports that its type does not fit.
            if (Ids(outer, Switch.Choice).Count > 0) return AddAll(Chain(outer));
            if (outer is StatementSyntax or MemberDeclarationSyntax or ArrowExpressionClauseSyntax)
            {
                if (AddAll(Inside(outer)) || AddAll(Around(outer))) return true;
                break;
            }
            if (outer is ArgumentSyntax or EqualsValueClauseSyntax && AddAll(Inside(outer))) return true;
        }
        return false;
    }

    // The statements that may leave out the assignment of a variable.
    private static IEnumerable<int> Assigning(SyntaxNode place, string variable) => place.FirstAncestorOrSelf<MemberDeclarationSyntax>()!
        .DescendantNodes()
        .Where(inner => inner is IfStatementSyntax && Ids(inner, Switch.Choice).Count > 0 && Assigned(inner).Contains(variable))
        .SelectMany(inner => Ids(inner, Switch.Choice));

    private static IEnumerable<string> Assigned(SyntaxNode node) =>
        node.DescendantNodes().OfType<AssignmentExpressionSyntax>().SelectMany(assignment => Names(assignment.Left));

    private static string Quoted(Diagnostic error) => error.GetMessage(CultureInfo.InvariantCulture).Split('\'')[1];

    private static IEnumerable<string> Names(SyntaxNode node) =>
        node.DescendantNodesAndSelf().OfType<IdentifierNameSyntax>().Select(name => name.Identifier.Text);

    // Choices at one place stand in each other's last branch.
    private static IEnumerable<int> Chain(SyntaxNode? choice)
    {
        for (; choice is not null && Ids(choice, Switch.Choice).Count > 0; choice = Last(choice))
            yield return Ids(choice, Switch.Choice)[0];
    }

    private static SyntaxNode? Last(SyntaxNode choice) => choice switch
    {
        ParenthesizedExpressionSyntax { Expression: ConditionalExpressionSyntax { WhenFalse: ParenthesizedExpressionSyntax last } } =>
            last.Expression,
        IfStatementSyntax { Else.Statement: BlockSyntax block } => block.Statements[0],
        _ => null,
    };

    private static IEnumerable<int> Inside(SyntaxNode node) => node.DescendantNodesAndSelf().SelectMany(inner => Ids(inner, Switch.Choice));

    private static IEnumerable<int> Around(SyntaxNode node) => node.Ancestors().SelectMany(outer => Ids(outer, Switch.Choice));

    private bool AddAll(IEnumerable<int> ids) => ids.ToList().ConvertAll(_dropped.Add).Contains(true);

    private static List<int> Ids(SyntaxNode node, string kind) =>
        [.. node.GetAnnotations(kind).Select(annotation => int.Parse(annotation.Data!, CultureInfo.InvariantCulture))];
}
