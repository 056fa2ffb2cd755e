using System.Reflection;
using System.Text.Json;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;

namespace Ardir.Mutation;

/// <summary>
/// One library of the repository, as it is compiled: sources, references and generators, from what the last build left in obj and bin.
/// </summary>
internal sealed class Library(string root, string name, string testOutput)
{
    private static readonly CSharpParseOptions _parse = CSharpParseOptions.Default.WithLanguageVersion(LanguageVersion.Latest)
        .WithPreprocessorSymbols("NET", "NET10_0", "NETCOREAPP", "NET8_0_OR_GREATER", "NET9_0_OR_GREATER", "NET10_0_OR_GREATER");

    private string Folder => Path.Combine(root, "src", name);

    public string Name => name;

    public string Built => Path.Combine(testOutput, name + ".dll");

    /// <summary>The name of the library that a source file belongs to.</summary>
    public static string Of(string root, string source) => Path.GetRelativePath(root, source).Split(Path.DirectorySeparatorChar)[1];

    public CSharpCompilation Compilation()
    {
        var sources = Directory.EnumerateFiles(Folder, "*.cs", SearchOption.AllDirectories)
            .Where(file => !Under(file, "bin") && !Under(file, "obj"))
            .Concat(Directory.EnumerateFiles(Path.Combine(Folder, "obj/Release/net10.0"), "*.cs"));
        var options = new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, optimizationLevel: OptimizationLevel.Release,
            allowUnsafe: true, nullableContextOptions: NullableContextOptions.Enable, generalDiagnosticOption: ReportDiagnostic.Suppress);
        return CSharpCompilation.Create(name, sources.Select(Parse), References(), options);
    }

    public Compilation Generated(CSharpCompilation compilation)
    {
        var loader = new Loader();
        var generators = GeneratorFiles().SelectMany(file => new AnalyzerFileReference(file, loader).GetGenerators(LanguageNames.CSharp));
        CSharpGeneratorDriver.Create(generators, parseOptions: _parse).RunGeneratorsAndUpdateCompilation(compilation, out var all, out _);
        return all;
    }

    public SyntaxTree Parse(string file) => CSharpSyntaxTree.ParseText(File.ReadAllText(file), _parse, file, System.Text.Encoding.UTF8);

    public static SyntaxTree ParseText(string code) => CSharpSyntaxTree.ParseText(code, _parse);

    /// <summary>Those that the build embedded, such as data files.</summary>
    public IEnumerable<ResourceDescription> Resources()
    {
        var built = Assembly.LoadFile(Built);
        return built.GetManifestResourceNames()
            .Select(resource => new ResourceDescription(resource, () => built.GetManifestResourceStream(resource)!, isPublic: true));
    }

    private bool Under(string file, string part) => Path.GetRelativePath(Folder, file).Split(Path.DirectorySeparatorChar)[0] == part;

    private List<MetadataReference> References()
    {
        var runtime = Path.GetDirectoryName(typeof(object).Assembly.Location)!;
        var theirs = File.ReadAllText(Path.Combine(Folder, "obj/project.assets.json"));
        var besides = Directory.EnumerateFiles(testOutput, "*.dll")
            .Where(file => IsReferenced(Path.GetFileNameWithoutExtension(file), theirs));
        return [.. Directory.EnumerateFiles(runtime, "*.dll").Where(IsManaged).Concat(besides)
            .DistinctBy(Path.GetFileName)
            .Select(file => MetadataReference.CreateFromFile(file))];
    }

    private bool IsReferenced(string file, string assets) => file != name && assets.Contains($"/{file}.dll\"", StringComparison.Ordinal);

    private static bool IsManaged(string file)
    {
        try
        {
            AssemblyName.GetAssemblyName(file);
            return true;
        }
        catch (BadImageFormatException)
        {
            return false;
        }
    }

    private IEnumerable<string> GeneratorFiles()
    {
        using var assets = JsonDocument.Parse(File.ReadAllText(Path.Combine(Folder, "obj/project.assets.json")));
        var packages = assets.RootElement.GetProperty("packageFolders").EnumerateObject().First().Name;
        var logging = assets.RootElement.GetProperty("libraries").EnumerateObject()
            .First(library => library.Name.StartsWith("Microsoft.Extensions.Logging.Abstractions/", StringComparison.Ordinal))
            .Value.GetProperty("path").GetString()!;
        var runtime = Path.GetDirectoryName(typeof(object).Assembly.Location)!;
        var sdk = Path.GetFullPath(Path.Combine(runtime, "../../../packs/Microsoft.NETCore.App.Ref"));
        var pack = Directory.EnumerateDirectories(sdk, "10.*").Order(StringComparer.Ordinal).Last();
        return Directory.EnumerateFiles(Path.Combine(packages, logging, "analyzers/dotnet/roslyn4.4/cs"), "*.dll")
            .Concat(Directory.EnumerateFiles(Path.Combine(pack, "analyzers/dotnet/cs"), "*.dll"))
            .ToArray();
    }

    private sealed class Loader : IAnalyzerAssemblyLoader
    {
        public void AddDependencyLocation(string fullPath)
        {
            // Everything that a generator needs lies beside it.
        }

        public Assembly LoadFromPath(string fullPath) => Assembly.LoadFrom(fullPath);
    }
}
