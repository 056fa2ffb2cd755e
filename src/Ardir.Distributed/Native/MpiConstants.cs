using System.Runtime.InteropServices;

namespace Ardir.Distributed;

/// <summary>
/// The handles and constants that mpi.h of a library defines, which no library exports as such. MPICH's handles are 32 bits wide. They
/// are passed as wide as a pointer all the same: a register, or a slot of the stack, is as wide, and the library reads its lower half.
/// </summary>
internal sealed record MpiConstants
{
    public required nint World { get; init; }

    public required nint ErrorsReturn { get; init; }

    public required nint InPlace { get; init; }

    public required nint Float32 { get; init; }

    public required nint Float64 { get; init; }

    public required nint Int64 { get; init; }

    // MPI_BYTE is for transport only: it has no sum and no maximum.
    public required nint UInt8 { get; init; }

    public required nint Sum { get; init; }

    public required nint Max { get; init; }

    /// <summary>The level of threads that take turns. Levels are ordered, so that a higher one is as good.</summary>
    public int ThreadSerialized { get; init; } = 2;

    public static MpiConstants Of(MpiKind kind, nint library) => kind switch
    {
        MpiKind.OpenMpi => OpenMpi(name => NativeLibrary.GetExport(library, name)),
        MpiKind.Mpich => Mpich,
        _ => Standard,
    };

    private static MpiConstants Mpich { get; } = new()
    {
        World = 0x44000000,
        ErrorsReturn = 0x54000001,
        InPlace = -1,
        Float32 = 0x4c00040a,
        Float64 = 0x4c00080b,
        Int64 = 0x4c00083a,
        UInt8 = 0x4c00013b,
        Sum = 0x58000003,
        Max = 0x58000001,
    };

    private static MpiConstants Standard { get; } = new()
    {
        World = 0x101,
        ErrorsReturn = 0x143,
        InPlace = 1,
        Float32 = 0x210,
        Float64 = 0x214,
        Int64 = 0x258,
        UInt8 = 0x241,
        Sum = 0x21,
        Max = 0x23,
        ThreadSerialized = 2048,
    };

    public nint Type(ScalarType dtype) => dtype switch
    {
        ScalarType.Float32 => Float32,
        ScalarType.Float64 => Float64,
        ScalarType.Int64 => Int64,
        _ => UInt8,
    };

    public nint Operation(Reduction reduction) => reduction == Reduction.Max ? Max : Sum;

    private static MpiConstants OpenMpi(Func<string, nint> export) => new()
    {
        World = export("ompi_mpi_comm_world"),
        ErrorsReturn = export("ompi_mpi_errors_return"),
        InPlace = 1,
        Float32 = export("ompi_mpi_float"),
        Float64 = export("ompi_mpi_double"),
        Int64 = export("ompi_mpi_int64_t"),
        UInt8 = export("ompi_mpi_uint8_t"),
        Sum = export("ompi_mpi_op_sum"),
        Max = export("ompi_mpi_op_max"),
    };
}
