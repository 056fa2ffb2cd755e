namespace Ardir.Tests;

/// <summary>A folder for one test, gone afterwards.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("ardir-test-").FullName;

    public string File(string name) => System.IO.Path.Combine(Path, name);

    public string[] Names => [.. Directory.GetFileSystemEntries(Path).Select(entry => System.IO.Path.GetFileName(entry)).Order()];

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
