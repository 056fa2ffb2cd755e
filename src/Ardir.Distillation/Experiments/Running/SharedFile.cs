namespace Ardir.Distillation;

/// <summary>Reads a file that another process may be replacing at this moment. It is complete whenever it can be opened, but for an instant
/// after its renaming the writer still holds it, so that it cannot be opened.</summary>
internal static class SharedFile
{
    private const int Attempts = 100;

    private static readonly TimeSpan _pause = TimeSpan.FromMilliseconds(20);

    /// <summary>The text of a file.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="IOException">There is none, or it cannot be read.</exception>
    public static string ReadText(string path)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                // Shared, because on Windows another process could not replace the file otherwise.
                using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
                using var reader = new StreamReader(file);
                return reader.ReadToEnd();
            }
            catch (IOException e) when (e is not (FileNotFoundException or DirectoryNotFoundException) && attempt < Attempts)
            {
                Thread.Sleep(_pause);
            }
        }
    }
}
