namespace Ardir.Distributed;

/// <summary>Which of the installed MPI libraries is loaded.</summary>
internal static class LibrarySearch
{
    /// <summary>The environment variable that names a library.</summary>
    public const string Variable = "ARDIR_MPI_LIBRARY";

    private static readonly (MpiKind? Kind, string Name)[] _usual =
    [
        (MpiKind.OpenMpi, "libmpi.so.40"), (MpiKind.Mpich, "libmpi.so.12"), (MpiKind.Mpich, "libmpich.so.12"),
        (MpiKind.Standard, "libmpi_abi.so.1"), (MpiKind.Standard, "libmpi_abi.so.0"), (MpiKind.Standard, "libmpi_abi.so"),
        (null, "libmpi.so"),
    ];

    /// <summary>Loads the named library, or else the first that there is, those of the launcher's kind before others.</summary>
    /// <param name="named">A file or a name; null for any.</param>
    /// <param name="launcher">The kind of library that the launcher belongs to; null if it says nothing.</param>
    /// <exception cref="MpiException">There is none, or it is of no kind that is known.</exception>
    public static MpiLibrary Find(string? named, MpiKind? launcher)
    {
        if (named is not null)
        {
            var handle = DynamicLoader.Open(named, out var error);
            return handle != 0 ? MpiLibrary.Of(named, handle) : throw new MpiException(
                $"The MPI library '{named}' cannot be loaded: {error}. Expected the file of a library, such as libmpi.so.40 or " +
                $"libmpich.so.12; correct the environment variable {Variable} or the argument, or leave it out to take an installed one.");
        }
        return First(Names(launcher));
    }

    /// <summary>The usual names, in the order in which they are tried.</summary>
    public static IEnumerable<string> Names(MpiKind? launcher) =>
        _usual.OrderBy(one => launcher is null || one.Kind == launcher ? 0 : 1).Select(one => one.Name);

    /// <summary>Loads the first that there is.</summary>
    public static MpiLibrary First(IEnumerable<string> names)
    {
        var tried = new List<string>();
        foreach (var name in names)
        {
            var handle = DynamicLoader.Open(name, out var error);
            if (handle != 0) return MpiLibrary.Of(name, handle);
            tried.Add(error);
        }
        throw new MpiException(
            "No MPI library was found. Install one, on Debian and Ubuntu by 'apt-get install openmpi-bin' or 'apt-get install mpich', " +
            $"or name its file in the environment variable {Variable}. Tried: {string.Join("; ", tried)}.");
    }
}
