using System.Runtime.InteropServices;
using System.Text;

namespace Ardir.Distributed;

/// <summary>The functions of a loaded MPI library. An error of MPI becomes an exception.</summary>
internal sealed unsafe class MpiLibrary
{
    private const int TextBytes = 16384;   // the longest text of any library is half as long

    private readonly nint _handle;
    private readonly delegate* unmanaged[Cdecl]<nint, nint, nint, nint, nint, nint, int> _allReduce;
    private readonly delegate* unmanaged[Cdecl]<nint, nint, nint, nint, nint, int> _broadcast;
    private readonly delegate* unmanaged[Cdecl]<nint, nint, nint, nint, int*, int*, nint, nint, int> _allGatherV;
    private readonly delegate* unmanaged[Cdecl]<nint, nint, nint, nint, nint, nint, nint, int> _allGather;
    private readonly delegate* unmanaged[Cdecl]<nint, nint, int> _abort;
    private readonly delegate* unmanaged[Cdecl]<int, byte*, int*, int> _errorText;

    private MpiLibrary(string name, nint handle, string version, MpiKind kind)
    {
        (_handle, Name, Version, Kind, Constants) = (handle, name, version, kind, MpiConstants.Of(kind, handle));
        _allReduce = (delegate* unmanaged[Cdecl]<nint, nint, nint, nint, nint, nint, int>)Function("MPI_Allreduce");
        _broadcast = (delegate* unmanaged[Cdecl]<nint, nint, nint, nint, nint, int>)Function("MPI_Bcast");
        _allGather = (delegate* unmanaged[Cdecl]<nint, nint, nint, nint, nint, nint, nint, int>)Function("MPI_Allgather");
        _allGatherV = (delegate* unmanaged[Cdecl]<nint, nint, nint, nint, int*, int*, nint, nint, int>)Function("MPI_Allgatherv");
        _abort = (delegate* unmanaged[Cdecl]<nint, nint, int>)Function("MPI_Abort");
        _errorText = (delegate* unmanaged[Cdecl]<int, byte*, int*, int>)Function("MPI_Error_string");
    }

    /// <summary>The name that it was loaded by.</summary>
    public string Name { get; }

    /// <summary>What it says about itself, in one line.</summary>
    public string Version { get; }

    public MpiKind Kind { get; }

    public MpiConstants Constants { get; }

    /// <summary>Whether it takes addresses of GPU memory.</summary>
    public bool IsCudaAware =>
        NativeLibrary.TryGetExport(_handle, "MPIX_Query_cuda_support", out var query) && ((delegate* unmanaged[Cdecl]<int>)query)() == 1;

    /// <summary>Finds out of which kind an open library is.</summary>
    /// <exception cref="MpiException">It is no MPI library of a kind that is known.</exception>
    public static MpiLibrary Of(string name, nint handle)
    {
        if (!NativeLibrary.TryGetExport(handle, "MPI_Get_library_version", out var query))
            throw new MpiException($"'{name}' is no MPI library: it has no function MPI_Get_library_version.");
        var text = stackalloc byte[TextBytes];
        var length = 0;
        _ = ((delegate* unmanaged[Cdecl]<byte*, int*, int>)query)(text, &length);
        var version = OneLine(Encoding.UTF8.GetString(text, length));
        return KindOf(name, handle, version) is { } kind ? new MpiLibrary(name, handle, version, kind) : throw new MpiException(
            $"'{name}' ({version}) is of a kind that is not known; expected Open MPI, MPICH or its kin, or a library with the standard " +
            $"ABI of MPI 5. Name another one in the environment variable {LibrarySearch.Variable}.");
    }

    /// <summary>Starts MPI for calls from one thread at a time, and lets it report errors instead of ending the process.</summary>
    public void Initialize()
    {
        var provided = 0;
        var started = (delegate* unmanaged[Cdecl]<nint, nint, nint, int*, int>)Function("MPI_Init_thread");
        Check(started(0, 0, Constants.ThreadSerialized, &provided), "MPI_Init_thread");
        var handler = (delegate* unmanaged[Cdecl]<nint, nint, int>)Function("MPI_Comm_set_errhandler");
        Check(handler(Constants.World, Constants.ErrorsReturn), "MPI_Comm_set_errhandler");
        if (provided >= Constants.ThreadSerialized) return;
        Finish();
        throw new MpiException(
            $"{Name} ({Version}) grants the thread level {provided}; expected MPI_THREAD_SERIALIZED ({Constants.ThreadSerialized}) or " +
            "more, because threads of .NET take turns. Install a build with support for threads.");
    }

    /// <summary>Whether somebody has started MPI in this process.</summary>
    public bool IsInitialized()
    {
        var flag = 0;
        Check(((delegate* unmanaged[Cdecl]<int*, int>)Function("MPI_Initialized"))(&flag), "MPI_Initialized");
        return flag != 0;
    }

    public int Rank() => Number("MPI_Comm_rank");

    public int Size() => Number("MPI_Comm_size");

    public void AllReduce(nint values, int count, nint type, nint operation) =>
        Check(_allReduce(Constants.InPlace, values, count, type, operation, Constants.World), "MPI_Allreduce");

    public void Broadcast(nint values, int count, nint type, int root) =>
        Check(_broadcast(values, count, type, root, Constants.World), "MPI_Bcast");

    /// <summary>Equally many values of every rank.</summary>
    public void AllGather(nint own, int count, nint type, nint all) =>
        Check(_allGather(own, count, type, all, count, type, Constants.World), "MPI_Allgather");

    /// <summary>As many values of each rank as <paramref name="counts"/> says.</summary>
    public void AllGather(nint own, nint type, nint all, int[] counts, int rank)
    {
        var starts = new int[counts.Length];
        for (var i = 1; i < counts.Length; i++) starts[i] = starts[i - 1] + counts[i - 1];
        fixed (int* count = counts)
        fixed (int* start = starts)
            Check(_allGatherV(own, counts[rank], type, all, count, start, type, Constants.World), "MPI_Allgatherv");
    }

    /// <summary>Ends all ranks.</summary>
    public void Abort(int code) => _ = _abort(Constants.World, code);

    public void Finish() => Check(((delegate* unmanaged[Cdecl]<int>)Function("MPI_Finalize"))(), "MPI_Finalize");

    private static MpiKind? KindOf(string name, nint handle, string version)
    {
        var hasOpenMpiHandles = NativeLibrary.TryGetExport(handle, "ompi_mpi_comm_world", out _);
        // Symbols of the libraries that a library needs are found, too, so that the one with the standard ABI may seem to have the others'.
        if (HasStandardAbi(handle) && (!hasOpenMpiHandles || Path.GetFileName(name).Contains("mpi_abi", StringComparison.Ordinal)))
            return MpiKind.Standard;
        if (hasOpenMpiHandles) return MpiKind.OpenMpi;
        string[] kin = ["MPICH", "Intel", "MVAPICH"];
        return kin.Any(one => version.Contains(one, StringComparison.OrdinalIgnoreCase)) ? MpiKind.Mpich : null;
    }

    // A library that knows the function but has handles of its own says -1.
    private static bool HasStandardAbi(nint handle)
    {
        if (!NativeLibrary.TryGetExport(handle, "MPI_Abi_get_version", out var query)) return false;
        int major = -1, minor = -1;
        return ((delegate* unmanaged[Cdecl]<int*, int*, int>)query)(&major, &minor) == 0 && major >= 1;
    }

    // The first line names the library, the others how it was built.
    private static string OneLine(string text) =>
        string.Join(' ', text.Split('\n')[0].Split(',')[0].Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)).TrimEnd('\0');

    private int Number(string name)
    {
        var number = 0;
        Check(((delegate* unmanaged[Cdecl]<nint, int*, int>)Function(name))(Constants.World, &number), name);
        return number;
    }

    private nint Function(string name) => NativeLibrary.GetExport(_handle, name);

    private void Check(int code, string call)
    {
        if (code == 0) return;
        var text = stackalloc byte[TextBytes];
        var length = 0;
        var why = _errorText(code, text, &length) == 0 ? Encoding.UTF8.GetString(text, length).Trim() : "no text for it";
        throw new MpiException($"{call} reported error {code}: {why}. All ranks must be started anew.");
    }
}
