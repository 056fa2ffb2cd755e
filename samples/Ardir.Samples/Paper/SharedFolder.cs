namespace Ardir.Samples;

/// <summary>A folder into which several processes write the same files, often at the same moment: a job array begins and ends
/// together.</summary>
internal static class SharedFolder
{
    private const int Attempts = 20;

    private static readonly TimeSpan _pause = TimeSpan.FromMilliseconds(250);

    /// <summary>Writes, and tries again while another process is writing the same file.</summary>
    public static void Write(Action write)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                write();
                return;
            }
            catch (IOException) when (attempt < Attempts)
            {
                Thread.Sleep(_pause);
            }
        }
    }
}
