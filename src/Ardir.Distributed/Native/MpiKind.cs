namespace Ardir.Distributed;

/// <summary>What the handles and constants of an MPI library look like in memory.</summary>
internal enum MpiKind
{
    /// <summary>Open MPI 4 to 6: a handle is the address of an exported variable.</summary>
    OpenMpi,

    /// <summary>MPICH and its kin (Intel MPI, MVAPICH, Cray MPICH): a handle is a 32-bit number.</summary>
    Mpich,

    /// <summary>The standard binary interface of MPI 5: a handle is a small number as wide as a pointer.</summary>
    Standard,
}
