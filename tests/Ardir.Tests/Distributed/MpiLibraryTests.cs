using Ardir.Core;
using Ardir.Distributed;

namespace Ardir.Tests;

public sealed class MpiLibraryTests
{
    [PosixFact]
    public void First_NoneInstalled_NamesThePackages()
    {
        var message = Assert.Throws<MpiException>(() => LibrarySearch.First(["libmpi-none.so.1", "libmpi-none.so.2"])).Message;
        message.Should().Contain("openmpi-bin").And.Contain("mpich").And.Contain("ARDIR_MPI_LIBRARY").And.Contain("libmpi-none.so.1").And.Contain("libmpi-none.so.2");
    }

    [PosixFact]
    public void Start_LibraryThatIsNotThere_SaysWhatToCorrect_AndAnotherCanBeTried()
    {
        for (var attempt = 0; attempt < 2; attempt++)
            Assert.Throws<MpiException>(() => MpiCollective.Start("/no/such/libmpi.so")).Message.Should().Contain("/no/such/libmpi.so").And.Contain("ARDIR_MPI_LIBRARY");
    }

    [PosixFact]
    public void Find_LibraryThatIsNoMpi_IsRefused() =>
        Assert.Throws<MpiException>(() => LibrarySearch.Find(OperatingSystem.IsMacOS() ? "libSystem.B.dylib" : "libc.so.6", null)).Message.Should().Contain("no MPI library");

    [Fact]
    public void Run_WithoutAProgram_IsRefused() => Assert.Throws<ArgumentNullException>(() => MpiCollective.Run(null!));

    [Fact]
    public void Names_ThoseOfTheLauncherComeFirst()
    {
        LibrarySearch.Names(null).Should().Equal("libmpi.so.40", "libmpi.so.12", "libmpich.so.12", "libmpi_abi.so.1", "libmpi_abi.so.0", "libmpi_abi.so", "libmpi.so");
        LibrarySearch.Names(MpiKind.Mpich).Should().StartWith(["libmpi.so.12", "libmpich.so.12", "libmpi.so.40"]).And.HaveCount(7);
    }

    [Theory]
    [InlineData("OMPI_COMM_WORLD_SIZE=4", "mpirun of Open MPI", 4)]
    [InlineData("PMI_SIZE=8", "mpiexec of MPICH or its kin", 8)]
    [InlineData("MV2_COMM_WORLD_SIZE=3 PMI_SIZE=3", "mpirun of MVAPICH", 3)]
    [InlineData("SLURM_STEP_NUM_TASKS=16", "srun", 16)]
    [InlineData("SLURM_STEP_NUM_TASKS=2 OMPI_COMM_WORLD_SIZE=32", "mpirun of Open MPI", 32)]
    [InlineData("SLURM_NTASKS=16", null, 0)]
    [InlineData("OMPI_COMM_WORLD_SIZE=many", null, 0)]
    public void Launcher_IsKnownByItsVariables(string set, string? name, int size)
    {
        var variables = set.Split(' ').ToDictionary(one => one.Split('=')[0], one => one.Split('=')[1], StringComparer.Ordinal);
        var launcher = Launcher.Find(variables.GetValueOrDefault);
        launcher?.Name.Should().Be(name);
        (launcher?.Size ?? 0).Should().Be(size);
    }

    /// <summary>mpi.h of MPICH 4 and of the standard ABI (MPI 5.0, appendix A) say the same.</summary>
    [Fact]
    public void Constants_AreThoseOfTheHeaders()
    {
        var mpich = MpiConstants.Of(MpiKind.Mpich, 0);
        (mpich.World, mpich.InPlace, mpich.ErrorsReturn, mpich.ThreadSerialized).Should().Be((0x44000000, -1, 0x54000001, 2));
        (mpich.Type(ScalarType.Float32), mpich.Type(ScalarType.Float64), mpich.Type(ScalarType.Int64), mpich.Type(ScalarType.Byte))
            .Should().Be((0x4c00040a, 0x4c00080b, 0x4c00083a, 0x4c00013b));
        (mpich.Operation(Reduction.Sum), mpich.Operation(Reduction.Max)).Should().Be((0x58000003, 0x58000001));
        var standard = MpiConstants.Of(MpiKind.Standard, 0);
        (standard.World, standard.InPlace, standard.ErrorsReturn, standard.ThreadSerialized).Should().Be((0x101, 1, 0x143, 2048));
        (standard.Type(ScalarType.Float32), standard.Type(ScalarType.Float64), standard.Type(ScalarType.Int64), standard.Type(ScalarType.Byte))
            .Should().Be((0x210, 0x214, 0x258, 0x241));
        (standard.Operation(Reduction.Sum), standard.Operation(Reduction.Max)).Should().Be((0x21, 0x23));
    }

    [Fact]
    public void Calls_DifferInWhateverMustAgree()
    {
        using var values = zeros(2, 3);
        using var wide = zeros(3, 2);
        using var doubles = zeros(2, 3, ScalarType.Float64);
        using var longer = zeros(5, 3);
        var call = Call.With(CallKind.AllReduce, values, 0, 0);
        call.Should().NotBe(Call.With(CallKind.AllReduce, wide, 0, 0)).And.NotBe(Call.With(CallKind.AllReduce, doubles, 0, 0))
            .And.NotBe(Call.With(CallKind.AllReduce, longer, 0, 0)).And.NotBe(Call.With(CallKind.AllReduce, values, 0, 1))
            .And.NotBe(Call.With(CallKind.Broadcast, values, 0, 0)).And.Be(Call.With(CallKind.AllReduce, values, 0, 0));
        Call.With(CallKind.AllGather, values, 1, 0).Should().Be(Call.With(CallKind.AllGather, longer, 1, 0), "numbers of rows may differ");
    }

    [PosixFact]
    public void Signals_AreLeftAsTheyWere()
    {
        var before = SignalActions.Save();
        SignalActions.Restore(before);
        Handlers(SignalActions.Save()).Should().Equal(Handlers(before));
        string? nothing = Environment.GetEnvironmentVariable("ARDIR_NO_SUCH_VARIABLE");
        Assert.Throws<NullReferenceException>(() => nothing!.Length);
    }

    // Of what the system writes behind the address of a handler, a part is whatever the stack held.
    private static IEnumerable<nint> Handlers(byte[] actions) => Enumerable.Range(1, 31).Select(signal => SignalActions.Handler(actions, signal));
}
