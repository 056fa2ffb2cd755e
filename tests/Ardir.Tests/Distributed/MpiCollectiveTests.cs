using System.Diagnostics;

namespace Ardir.Tests;

/// <summary>Ranks that are processes of their own, started by the launchers of Open MPI and MPICH.</summary>
[Collection(TestSetup.OtherProcesses)]
public sealed class MpiCollectiveTests
{
    [SkippableFact]
    public void OpenMpi_TwoRanks_ExchangeWhatIsPromised() => Exchange("Open MPI", 2);

    [SkippableFact]
    public void OpenMpi_FourRanks_ExchangeWhatIsPromised() => Exchange("Open MPI", 4);

    [SkippableFact]
    public void Mpich_TwoRanks_ExchangeWhatIsPromised() => Exchange("MPICH", 2);

    [SkippableFact]
    public void Mpich_FourRanks_ExchangeWhatIsPromised() => Exchange("MPICH", 4);

    [SkippableFact]
    public void OpenMpi_AnExceptionAtOneRank_EndsAll() => Fail("Open MPI", "throw", 1, "Rank 1 of 2", "the program of this rank went wrong");

    [SkippableFact]
    public void Mpich_AnExceptionAtOneRank_EndsAll() => Fail("MPICH", "throw", 1, "Rank 1 of 2", "the program of this rank went wrong");

    [SkippableFact]
    public void AnExceptionOfAThread_EndsAll() => Fail("MPICH", "thread", 1, "Rank 1 of 2", "a thread of this rank went wrong");

    [SkippableFact]
    public void OpenMpi_AKilledRank_EndsAll() => Fail("Open MPI", "kill", 137, "signal 9");

    [SkippableFact]
    public void Mpich_AKilledRank_EndsAll() => Fail("MPICH", "kill", 9, "signal 9");

    [SkippableFact]
    public void AnExitWithinTheProgram_EndsAll() => Fail("MPICH", "exit", 1, "Rank 1 of 2", "exits before the collective is disposed");

    [SkippableFact]
    public void ARankThatLeavesEarly_EndsAll() => Fail("Open MPI", "leave", 1, "rank 0 called Barrier(); rank 1 called Dispose()");

    [SkippableFact]
    public void TheLibraryOfAnotherLauncher_IsRefused()
    {
        _ = MpiLauncher.Of("MPICH");
        var (code, output) = MpiLauncher.Run("Open MPI", 2, ["code"], ("ARDIR_MPI_LIBRARY", "libmpich.so.12"));
        code.Should().NotBe(0);
        output.Should().Contain("started by mpirun of Open MPI as one of 2 ranks").And.Contain("libmpich.so.12 (MPICH").And.Contain("ARDIR_MPI_LIBRARY");
    }

    [SkippableFact]
    public void OpenMpi_SignalsReachTheProgram() => Signals("Open MPI");

    [SkippableFact]
    public void Mpich_SignalsReachTheProgram() => Signals("MPICH");

    [SkippableFact]
    public void Run_ReturnsTheExitCodeOfTheProgram() => MpiLauncher.Run("MPICH", 2, ["code"]).Code.Should().Be(7);

    private static void Signals(string library)
    {
        _ = MpiLauncher.Of(library);
        var (code, output) = MpiLauncher.Run(library, 2, ["signals"]);
        code.Should().Be(0, "the ranks wrote\n{0}", output);
        output.Should().Contain("rank 0 of 2 finished").And.Contain("rank 1 of 2 finished");
    }

    private static void Exchange(string library, int ranks)
    {
        using var folder = new TemporaryFolder();
        var (code, output) = MpiLauncher.Run(library, ranks, ["exchanges", folder.File("marker")]);
        code.Should().Be(0, "the ranks wrote\n{0}", output);
        for (var rank = 0; rank < ranks; rank++) output.Should().Contain($"rank {rank} of {ranks} finished with ");
        output.Should().Contain(library == "MPICH" ? "(MPICH Version" : "(Open MPI v");
    }

    private static void Fail(string library, string job, int code, params string[] parts)
    {
        _ = MpiLauncher.Of(library);
        var clock = Stopwatch.StartNew();
        var (ended, output) = MpiLauncher.Run(library, 2, [job]);
        // Seconds on an idle machine; without an end the cap of the launcher would strike.
        clock.Elapsed.Should().BeLessThan(TimeSpan.FromMinutes(1));
        ended.Should().Be(code, "the ranks wrote\n{0}", output);
        foreach (var part in parts) output.Should().Contain(part);
        output.Should().NotContain("finished with");
    }
}
