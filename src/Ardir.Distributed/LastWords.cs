namespace Ardir.Distributed;

/// <summary>What a rank says before MPI ends it, or may end it.</summary>
internal static class LastWords
{
    /// <summary>Writes to the standard error stream, which launchers pass on.</summary>
    /// <param name="text">Several lines at once, so that those of other ranks do not come in between.</param>
    public static void Say(string text)
    {
#pragma warning disable RS0030 // MPI ends the process at once: a logger might never get to write.
        Console.Error.Write($"{text}\n");
        Console.Error.Flush();
#pragma warning restore RS0030
    }
}
