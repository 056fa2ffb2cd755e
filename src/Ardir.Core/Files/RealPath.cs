namespace Ardir.Core;

/// <summary>The path of a folder without any links in it, so that one folder has one path however it was reached.</summary>
internal static class RealPath
{
    // The limit of Linux on links in one path; a circle of links has no target.
    private const int MaxLinks = 40;

    /// <summary>The full path, with every link on it replaced by its target.</summary>
    /// <param name="folder">A folder that exists.</param>
    /// <exception cref="IOException">A link leads to itself.</exception>
    public static string Of(string folder)
    {
        var links = 0;
        return Resolve(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)), ref links);
    }

    private static string Resolve(string path, ref int links)
    {
        if (Path.GetDirectoryName(path) is not { } parent) return path;
        var real = Path.Combine(Resolve(parent, ref links), Path.GetFileName(path));
        // One link at a time, because the folders of its target may be links too.
        if (Directory.ResolveLinkTarget(real, returnFinalTarget: false) is not { } target) return real;
        if (++links > MaxLinks) throw new IOException($"'{path}' follows more than {MaxLinks} links; does one lead to itself?");
        return Resolve(Path.TrimEndingDirectorySeparator(target.FullName), ref links);
    }
}
