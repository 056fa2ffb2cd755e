using System.Collections.Concurrent;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Ardir.Tests;

/// <summary>The sources of one package as the compiler understands them. Generated code is missing, which leaves a few names unresolved
/// that stand in the same file anyway.</summary>
internal sealed class SourceMap
{
    private const string Usings = """
        global using System; global using System.Collections.Generic; global using System.IO; global using System.Linq;
        global using System.Net.Http; global using System.Threading; global using System.Threading.Tasks;
        global using TorchSharp; global using static TorchSharp.torch;
        """;

    private static readonly ConcurrentDictionary<string, Lazy<SourceMap>> _known = new(StringComparer.Ordinal);

    private readonly string _root;
    private readonly CSharpCompilation _compilation;
    private readonly Lazy<List<(string From, string To, string Why)>> _arrows;

    private SourceMap(string root, CSharpCompilation compilation)
    {
        (_root, _compilation) = (root, compilation);
        _arrows = new(() => [.. Files.AsParallel().SelectMany(ArrowsOf).Distinct()]);
    }

    /// <summary>Which folder's code names a type that another folder declares: from, to, and the file and type by which it is so.</summary>
    public IReadOnlyList<(string From, string To, string Why)> Arrows => _arrows.Value;

    public IEnumerable<SyntaxTree> Files => _compilation.SyntaxTrees.Where(tree => tree.FilePath.Length > 0);

    /// <summary>Reads the sources of a package below src/.</summary>
    public static SourceMap Of(string package) => _known.GetOrAdd(package, name => new Lazy<SourceMap>(() => Read(name))).Value;

    private static SourceMap Read(string package)
    {
        var root = Path.Combine(RepositoryRulesTests.Root, "src", package);
        var options = CSharpParseOptions.Default.WithLanguageVersion(LanguageVersion.Latest);
        var trees = RepositoryRulesTests.Sources(Path.Combine("src", package)).Select(file => CSharpSyntaxTree.ParseText(File.ReadAllText(file), options, file));
        // The assemblies of this test run: what the package refers to, and itself, which must not stand for its own sources.
        var references = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(file => Path.GetFileNameWithoutExtension(file) is var name && name != package && !name.EndsWith(".Tests", StringComparison.Ordinal))
            .Select(file => MetadataReference.CreateFromFile(file));
        return new SourceMap(root, CSharpCompilation.Create(
            package, trees.Append(CSharpSyntaxTree.ParseText(Usings, options)), references, new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary)));
    }

    /// <summary>The top-level folder of a file; "root" for files beside the project.</summary>
    public string FolderOf(string file) =>
        Path.GetRelativePath(_root, file).Split(Path.DirectorySeparatorChar) is { Length: > 1 } parts ? parts[0] : "root";

    private IEnumerable<(string From, string To, string Why)> ArrowsOf(SyntaxTree file)
    {
        var (model, from) = (_compilation.GetSemanticModel(file), FolderOf(file.FilePath));
        foreach (var name in file.GetRoot().DescendantNodes().OfType<SimpleNameSyntax>())
        {
            var symbol = model.GetSymbolInfo(name).Symbol;
            // A member speaks of its type: an extension method or an inherited property is found by no name of a type.
            if (symbol is null || (symbol as INamedTypeSymbol ?? symbol.ContainingType) is not { } type) continue;
            while (type.ContainingType is { } outer) type = outer;
            foreach (var to in Folders(type).Where(to => to != from))
                yield return (from, to, $"{Path.GetFileNameWithoutExtension(file.FilePath)} names {type.Name}");
        }
    }

    // A type in several files, such as ImageDataset, belongs to one folder.
    private IEnumerable<string> Folders(INamedTypeSymbol type) => type.OriginalDefinition.DeclaringSyntaxReferences
        .Select(reference => FolderOf(reference.SyntaxTree.FilePath)).Distinct();
}
