using System.Globalization;

namespace Ardir.Distributed;

/// <summary>What started this process as one of several, by the environment variables that it has set.</summary>
/// <param name="Name">For messages.</param>
/// <param name="Kind">The MPI library that it belongs to; null if it starts programs of any.</param>
/// <param name="Size">How many ranks it has started.</param>
internal sealed record Launcher(string Name, MpiKind? Kind, int Size)
{
    // In this order: a launcher within a SLURM job leaves SLURM's variables as they are.
    private static readonly (string Variable, string Name, MpiKind? Kind)[] _known =
    [
        ("OMPI_COMM_WORLD_SIZE", "mpirun of Open MPI", MpiKind.OpenMpi),
        ("MV2_COMM_WORLD_SIZE", "mpirun of MVAPICH", MpiKind.Mpich),
        ("PMI_SIZE", "mpiexec of MPICH or its kin", MpiKind.Mpich),
        ("SLURM_STEP_NUM_TASKS", "srun", null),
    ];

    /// <summary>Finds the launcher.</summary>
    /// <param name="variable">The value of an environment variable.</param>
    /// <returns>Null if none is known: a process of its own, or a launcher that says nothing.</returns>
    public static Launcher? Find(Func<string, string?> variable) => _known
        .Select(known => int.TryParse(variable(known.Variable), NumberStyles.None, CultureInfo.InvariantCulture, out var size)
            ? new Launcher(known.Name, known.Kind, size) : null)
        .FirstOrDefault(launcher => launcher is not null);

    /// <summary>What to say before a library of another kind starts, because some end the process when they do not find their own
    /// launcher (MPICH 5 does). Others start, and <see cref="Verify"/> counts the ranks.</summary>
    /// <returns>Null if the library is of the launcher's kind, or can be.</returns>
    public string? Warning(MpiLibrary library) => Kind is null || library.Kind is MpiKind.Standard || library.Kind == Kind ? null :
        $"This process was started by {Name} as one of {Size} ranks, and now starts the MPI library {library.Name} ({library.Version}). " +
        $"If that ends it, name the library of the launcher in the environment variable {LibrarySearch.Variable}, or use the other " +
        "launcher.";

    /// <summary>Refuses a library that does not know of the others: each process would think that it is alone.</summary>
    /// <exception cref="MpiException">The library sees another number of ranks.</exception>
    public void Verify(MpiLibrary library, int size)
    {
        if (size == Size) return;
        var option = Kind is null ? " With srun also see 'srun --mpi=list' and choose what the library supports." : "";
        throw new MpiException(
            $"This process was started by {Name} as one of {Size} ranks, but the MPI library {library.Name} ({library.Version}) sees " +
            $"{size}. Start it with the launcher of that library, or name the library of the launcher in the environment variable " +
            $"{LibrarySearch.Variable}.{option}");
    }
}
