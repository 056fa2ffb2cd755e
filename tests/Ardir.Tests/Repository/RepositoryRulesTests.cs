using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using Ardir.Attacks;
using Ardir.Core;
using Ardir.Distillation;
using Ardir.Distributed;

namespace Ardir.Tests;

/// <summary>The house rules that a compiler cannot check.</summary>
public sealed partial class RepositoryRulesTests
{
    private static readonly string _root = FindRoot();

    internal static string Root => _root;

    [Fact]
    public void Dependencies_PointOneWay()
    {
        Referenced(typeof(ThreatModel)).Should().BeEmpty();
        Referenced(typeof(IAttack)).Should().BeSubsetOf(["Ardir.Core"]);
        Referenced(typeof(ArdirLoss)).Should().BeSubsetOf(["Ardir.Core", "Ardir.Attacks"]);
        Referenced(typeof(MpiCollective)).Should().BeSubsetOf(["Ardir.Core", "Ardir.Attacks", "Ardir.Distillation"]);
    }

    [Fact]
    public void Internals_AreSeenByTestsAndBenchmarksOnly()
    {
        foreach (var type in new[] { typeof(ThreatModel), typeof(IAttack), typeof(ArdirLoss), typeof(MpiCollective) })
            Friends(type).Should().BeEquivalentTo("Ardir.Tests", "Ardir.Benchmarks");
    }

    [Fact]
    public void Packages_ReferenceTorchSharpAndLoggingOnly()
    {
        // SkiaSharp comes with TorchSharp; nothing else may be referenced.
        var allowed = new[] { "TorchSharp", "Microsoft.Extensions.Logging.Abstractions", "SkiaSharp" };
        foreach (var type in new[] { typeof(ThreatModel), typeof(IAttack), typeof(ArdirLoss), typeof(MpiCollective) })
            type.Assembly.GetReferencedAssemblies().Select(name => name.Name!)
                .Where(name => !name.StartsWith("System", StringComparison.Ordinal) && !name.StartsWith("Ardir", StringComparison.Ordinal) && name != "netstandard")
                .Should().BeSubsetOf(allowed);
    }

    [Fact]
    public void Files_StayBelow400Lines() =>
        Sources("tests", "samples", "benchmarks").Where(file => File.ReadLines(file).Count() > 400).Should().BeEmpty();

    [Fact]
    public void Namespaces_AreFlat()
    {
        foreach (var type in new[] { typeof(ThreatModel), typeof(IAttack), typeof(ArdirLoss), typeof(MpiCollective) })
            type.Assembly.GetExportedTypes().Select(exported => exported.Namespace).Distinct().Should().Equal(type.Assembly.GetName().Name);
    }

    [Fact]
    public void Library_NeverCallsAutogradGrad_WhichAbortsTheProcessOnAnyError() =>
        Sources("src").Where(file => File.ReadAllText(file).Contains("autograd.grad(", StringComparison.Ordinal)).Should().BeEmpty();

    [Fact]
    public void Library_NeverPassesALiteralZeroToSum_WhichMeansAByteTotal() =>
        Sources("src").Where(file => ZeroSum().IsMatch(File.ReadAllText(file))).Should().BeEmpty();

    private static IEnumerable<string> Friends(Type type) =>
        type.Assembly.GetCustomAttributes(typeof(InternalsVisibleToAttribute), inherit: false).Select(friend => ((InternalsVisibleToAttribute)friend).AssemblyName);

    private static IEnumerable<string> Referenced(Type type) => type.Assembly.GetReferencedAssemblies().Select(name => name.Name!).Where(name => name.StartsWith("Ardir", StringComparison.Ordinal));

    internal static IEnumerable<string> Sources(params string[] folders) => folders
        .SelectMany(folder => Directory.EnumerateFiles(Path.Combine(_root, folder), "*.cs", SearchOption.AllDirectories))
        .Where(file => !file.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal) && !file.Contains($"{Path.DirectorySeparatorChar}bin{Path.DirectorySeparatorChar}", StringComparison.Ordinal));

    private static string FindRoot()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Ardir.Library.sln"))) folder = Path.GetDirectoryName(folder)!;
        return folder;
    }

    [GeneratedRegex(@"\.(?:sum|prod)\(0[,)]", RegexOptions.NonBacktracking)]
    private static partial Regex ZeroSum();
}
