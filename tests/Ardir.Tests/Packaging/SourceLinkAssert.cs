using System.IO.Compression;
using System.Reflection;
using System.Reflection.Metadata;
using System.Text.Json;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>A debugger must find every source file of a package: inside the PDB, or at an address of the repository and the commit.</summary>
internal static class SourceLinkAssert
{
    private static readonly Guid _sourceLink = new("CC110556-A091-4D38-9FEC-25AB9A351A6A");
    private static readonly Guid _embeddedSource = new("0E8A571B-6926-466E-B4AD-8AB04611F5FE");

    /// <summary>Checks the PDB in a package of symbols.</summary>
    /// <param name="symbols">The snupkg.</param>
    /// <param name="assembly">Name of the assembly.</param>
    /// <param name="repository">Address that the package names, https://github.com/owner/name.</param>
    public static void EveryDocumentIsFound(string symbols, string assembly, string repository)
    {
        using var package = ZipFile.OpenRead(symbols);
        using var content = new MemoryStream();
        using (var entry = package.GetEntry($"lib/net10.0/{assembly}.pdb")!.Open()) entry.CopyTo(content);
        content.Position = 0;
        using var provider = MetadataReaderProvider.FromPortablePdbStream(content);
        var pdb = provider.GetMetadataReader();

        var map = Map(pdb).Should().ContainSingle("{0} has one folder of sources", assembly).Which;
        map.Value.Should().Be($"{Raw(repository)}/{Commit()}/*");
        map.Key.Should().EndWith("*");
        var root = map.Key[..^1];
        var documents = pdb.Documents.Select(handle => (Handle: handle, Name: pdb.GetString(pdb.GetDocument(handle).Name))).ToList();
        // Files of which no code is made, such as interfaces, are no documents.
        var files = RepositoryRulesTests.Sources(Path.Combine("src", assembly)).Count();
        documents.Where(document => IsMapped(document.Name, root)).Should().HaveCountGreaterThan(files / 2);
        documents.Where(document => !IsMapped(document.Name, root) && !IsEmbedded(pdb, document.Handle)).Select(document => document.Name).Should().BeEmpty("no debugger would find them");
    }

    // What the build makes in obj is in no commit.
    private static bool IsMapped(string name, string root) =>
        name.StartsWith(root, StringComparison.Ordinal) && !name.Replace('\\', '/').Contains("/obj/", StringComparison.Ordinal) && name.EndsWith(".cs", StringComparison.Ordinal) && !name.EndsWith(".g.cs", StringComparison.Ordinal);

    private static bool IsEmbedded(MetadataReader pdb, DocumentHandle document) => Information(pdb, document, _embeddedSource).Any();

    private static Dictionary<string, string> Map(MetadataReader pdb)
    {
        var json = Information(pdb, EntityHandle.ModuleDefinition, _sourceLink).Should().ContainSingle("the PDB carries SourceLink").Which;
        using var document = JsonDocument.Parse(json);
        return document.RootElement.GetProperty("documents").EnumerateObject().ToDictionary(entry => entry.Name, entry => entry.Value.GetString()!);
    }

    private static IEnumerable<byte[]> Information(MetadataReader pdb, EntityHandle parent, Guid kind) =>
        pdb.GetCustomDebugInformation(parent).Select(pdb.GetCustomDebugInformation).Where(information => pdb.GetGuid(information.Kind) == kind).Select(information => pdb.GetBlobBytes(information.Value));

    private static string Raw(string repository) =>
        (repository.EndsWith(".git", StringComparison.Ordinal) ? repository[..^4] : repository).Replace("https://github.com/", "https://raw.githubusercontent.com/", StringComparison.Ordinal);

    // The build writes it behind the version.
    private static string Commit() =>
        typeof(ThreatModel).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[1];
}
