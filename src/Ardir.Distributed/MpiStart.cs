namespace Ardir.Distributed;

/// <summary>Starts MPI in this process.</summary>
internal static class MpiStart
{
    /// <summary>Loads the library and starts it, and makes sure that it belongs to the launcher.</summary>
    /// <param name="library">A file or a name; null for the one that the environment names, or any.</param>
    public static MpiLibrary Load(string? library)
    {
        var launcher = Launcher.Find(Environment.GetEnvironmentVariable);
        var actions = SignalActions.Save();
        try
        {
            var found = LibrarySearch.Find(library ?? Named(), launcher?.Kind);
            if (found.IsInitialized())
                throw new InvalidOperationException("MPI has been started in this process already, by other code. It can be started once.");
            if (launcher?.Warning(found) is { } warning) LastWords.Say(warning);
            found.Initialize();
            Verify(found, launcher);
            return found;
        }
        finally
        {
            SignalActions.Restore(actions);
        }
    }

    private static void Verify(MpiLibrary library, Launcher? launcher)
    {
        try
        {
            launcher?.Verify(library, library.Size());
        }
        catch
        {
            library.Finish();
            throw;
        }
    }

    private static string? Named() =>
        Environment.GetEnvironmentVariable(LibrarySearch.Variable) is { Length: > 0 } named ? named : null;
}
