using Ardir.Attacks;
using Ardir.Distillation;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Ardir.Tests;

/// <summary>Attacks and losses of the library can be written outside of it. <see cref="PackedPackagesTests"/> runs the copies; this takes seconds.</summary>
public sealed class CopiedSourcesTests
{
    private const string ImplicitUsings =
        "global using System; global using System.Collections.Generic; global using System.IO; global using System.Linq; global using System.Threading;";

    private static readonly string _source = Path.Combine(RepositoryRulesTests.Root, "src");

    [Fact]
    public void Copies_OfEveryAttackAndLoss_SeeOnlyWhatUsersSee()
    {
        var options = CSharpParseOptions.Default.WithLanguageVersion(LanguageVersion.Latest);
        var trees = CopiedSources.Of(_source).Files.Select(file => CSharpSyntaxTree.ParseText(file.Text, options, file.Name)).Append(CSharpSyntaxTree.ParseText(ImplicitUsings, options));
        var references = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(file => !Path.GetFileName(file).EndsWith(".Tests.dll", StringComparison.Ordinal)).Select(file => MetadataReference.CreateFromFile(file));
        var compilation = CSharpCompilation.Create(
            "Copies", trees, references, new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, nullableContextOptions: NullableContextOptions.Enable));
        compilation.GetDiagnostics().Where(found => found.Severity == DiagnosticSeverity.Error).Select(found => $"{found}")
            .Should().BeEmpty("an attack or a loss must need nothing that is internal, except what lies in its own folder");
    }

    [Fact]
    public void Copies_AreOfEveryAttackAndLoss() => CopiedSources.Of(_source).Types.Should().Contain(
        new[] { typeof(Attack), typeof(IDistillationLoss) }.SelectMany(type => type.Assembly.GetTypes().Where(other => other is { IsAbstract: false, IsPublic: true } && type.IsAssignableFrom(other)))
            .Select(type => type.Name));
}
