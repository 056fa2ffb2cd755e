namespace Ardir.Mutation;

/// <summary>
/// A copy of the tests' output folder in which libraries are mutated. Folders are linked: the native files alone take half a gigabyte.
/// </summary>
internal static class Sandbox
{
    public static string Create(string root, string name, string testOutput)
    {
        var sandbox = Path.Combine(root, "artifacts/mutation", name);
        if (Directory.Exists(sandbox)) Directory.Delete(sandbox, recursive: true);
        Directory.CreateDirectory(sandbox);
        foreach (var folder in Directory.EnumerateDirectories(testOutput))
            Directory.CreateSymbolicLink(Path.Combine(sandbox, Path.GetFileName(folder)), folder);
        foreach (var file in Directory.EnumerateFiles(testOutput)) File.Copy(file, Path.Combine(sandbox, Path.GetFileName(file)));
        File.Copy(typeof(Sandbox).Assembly.Location, Path.Combine(sandbox, "Ardir.Mutation.dll"), overwrite: true);
        return sandbox;
    }
}
