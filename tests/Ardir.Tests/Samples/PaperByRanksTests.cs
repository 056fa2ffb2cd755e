using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>The command <c>paper --mpi</c> under a launcher.</summary>
[Collection(TestSetup.OtherProcesses)]
public sealed class PaperByRanksTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [SkippableFact]
    public void Paper_ByTwoRanksOfMpich_HasTheResultsOfOneProcessAndOneReport()
    {
        var (plan, path) = (ExperimentWorld.PlanOnClothes(), _folder.File("plan.json"));
        plan.Save(path);
        using var job = MpiLauncher.StartProgram("MPICH", 2, ["dotnet", SampleProcess.Program, "paper", "--mpi", "--plan", path, "--out", _folder.File("shared")]);
        var (code, output) = MpiLauncher.End(job);
        code.Should().Be(0, "the ranks wrote\n{0}", output);
        File.ReadAllText(_folder.File("shared/report.md")).Should().Contain("All 4 runs are complete.");
        File.Exists(_folder.File("shared/report.html")).Should().BeTrue();
        SampleProcess.Run(_folder.Path, "paper", "--plan", "plan.json", "--out", "alone").ShouldSucceed();
        var (shared, alone) = (ExperimentResults.Load(plan, _folder.File("shared")), ExperimentResults.Load(plan, _folder.File("alone")));
        foreach (var method in plan.Methods)
        {
            shared.Clean(method.Name).Should().HaveCount(2).And.Equal(alone.Clean(method.Name));
            shared.Robust(method.Name, "PGD-3").Should().Equal(alone.Robust(method.Name, "PGD-3"));
        }
    }

    [SkippableFact]
    public void Paper_ARankThatFails_SaysWhyAndEndsTheOther()
    {
        var plan = ExperimentWorld.PlanOnClothes();
        (plan with { Recipe = plan.Recipe with { Epochs = 100_000 } }).Save(_folder.File("plan.json"));
        Directory.CreateDirectory(_folder.File("empty"));
        var command = $"if [ $OMPI_COMM_WORLD_RANK = 1 ]; then set -- --data '{_folder.File("empty")}'; fi; " +
            $"exec dotnet '{SampleProcess.Program}' paper --mpi --plan '{_folder.File("plan.json")}' --out '{_folder.File("study")}' \"$@\"";
        using var job = MpiLauncher.StartProgram("Open MPI", 2, ["sh", "-c", command]);
        var (code, output) = MpiLauncher.End(job);
        code.Should().NotBe(0);
        output.Should().Contain("Error: ").And.Contain("empty").And.Contain("which ends all ranks");
        File.Exists(_folder.File("study/report.md")).Should().BeFalse();
    }
}
