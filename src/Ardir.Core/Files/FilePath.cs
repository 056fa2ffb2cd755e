namespace Ardir.Core;

/// <summary>The path of a file that is to be written.</summary>
internal static class FilePath
{
    /// <summary>Makes a path absolute and names its folder, which need not exist.</summary>
    /// <exception cref="ArgumentException">It is the path of a folder.</exception>
    public static (string FullPath, string Folder) Of(string path)
    {
        path = Path.GetFullPath(path);
        return !Path.EndsInDirectorySeparator(path) && !Directory.Exists(path) && Path.GetDirectoryName(path) is { } folder
            ? (path, folder)
            : throw new ArgumentException($"'{path}' is a folder; expected the path of a file.", nameof(path));
    }
}
