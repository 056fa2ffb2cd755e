using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>The command <c>paper</c>: what it refuses, what it leaves alone, and a plan of seconds.</summary>
[Collection(TestSetup.OtherProcesses)]
public sealed class PaperSampleTests : IDisposable
{
    private const int Failed = 1, WrongArguments = 2;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private SampleProcess Paper(params string[] arguments) => SampleProcess.Run(_folder.Path, ["paper", .. arguments]);

    [Theory]
    [InlineData("--seeds 0", "Error: --seeds is '0'; expected a whole number of at least 1.*")]
    [InlineData("--plan nowhere.json", "Error: --plan is 'nowhere.json'; expected a file that exists.*")]
    [InlineData("--data nowhere", "Error: --data is 'nowhere'; expected a folder that exists.*")]
    [InlineData("--methods SAT XYZ", "Error: --methods has 'XYZ'; expected methods of the plan: 'Standard', 'SAT teacher', 'SAT'*")]
    [InlineData("--report --output nowhere", "Error: --report finds no folder 'nowhere'*")]
    [InlineData("--print --report", "Error: Expected either --print or --report.*")]
    [InlineData("--plan any.json --scale full", "Error: Expected either --plan or --scale.*")]
    [InlineData("--dataset cifar10", "Error: --data is missing: the folder with the files of Cifar10.*")]
    public void Paper_WithArgumentsThatCannotBeMeant_BeginsNothing(string options, string message)
    {
        Paper(options.Split(' ')).ShouldFail(WrongArguments, message);

        _folder.Names.Should().BeEmpty();
    }

    [Fact]
    public void Paper_WithAFileThatIsNoPlan_SaysWhere()
    {
        File.WriteAllText(_folder.File("broken.json"), "{ \"name\": ");

        Paper("--plan", "broken.json").ShouldFail(Failed, "Error: broken.json is not a plan that can be run. *docs/experiments.md describes the format.");

        _folder.Names.Should().Equal("broken.json");
    }

    [Fact]
    public void Paper_Print_IsAPlanOfTheMethodsAskedFor()
    {
        var plan = ExperimentPlan.Parse(string.Join('\n', Paper("--print", "--dataset", "svhn", "--methods", "ARDIR-CC", "--seeds", "5").ShouldSucceed().Output));

        plan.Methods.Select(method => method.Name).Should().Equal("Standard", "ARDIR-CC");
        plan.Seeds.Should().Equal(1UL, 2, 3, 4, 5);
        _folder.Names.Should().BeEmpty();
    }

    [Fact]
    public void Paper_ThenReport_FollowsThePlanOfTheFolder()
    {
        ExperimentWorld.PlanOnClothes().Save(_folder.File("my plan.json"));

        Paper("--plan", "my plan.json", "--methods", "teacher", "--out", "a study").ShouldSucceed();

        var kept = File.ReadAllText(_folder.File("a study/plan.json"));
        ExperimentPlan.Parse(kept).Should().BeEquivalentTo(ExperimentWorld.PlanOnClothes());
        File.Delete(_folder.File("a study/report.md"));
        Paper("--report", "--out", "a study").ShouldSucceed().Output.Should().Contain("2 runs of the plan are not finished.");
        File.ReadAllText(_folder.File("a study/report.md")).Should().StartWith("# tiny on clothes\n").And.Contain("2 of 4 runs complete; 2 missing.");
        File.ReadAllText(_folder.File("a study/plan.json")).Should().Be(kept);
        Directory.GetDirectories(_folder.File("a study/runs")).Select(Path.GetFileName).Should().Equal("teacher");
    }

    [Fact]
    public void Paper_InTheFolderOfAnotherPlan_LeavesItsPlanAlone()
    {
        var plan = ExperimentWorld.PlanOnClothes() with { Seeds = [1] };
        plan.Save(_folder.File("plan.json"));
        Paper("--plan", "plan.json", "--methods", "teacher", "--out", "study").ShouldSucceed();
        (plan with { Recipe = plan.Recipe with { BatchSize = 8 } }).Save(_folder.File("other.json"));

        Paper("--plan", "other.json", "--out", "study").ShouldFail(Failed, "Error: *run.json belongs to another run*recipe: was*16*is*8*");
        Paper("--plan", "other.json", "--out", "study", "--report").ShouldFail(Failed, "Error: *run.json belongs to another run*recipe: was*16*is*8*");

        ExperimentPlan.Load(_folder.File("study/plan.json")).Should().BeEquivalentTo(plan);
    }

    [PosixFact]
    public async Task Paper_WhileAnotherProcessWritesTheReport_WaitsForItsTurn()
    {
        Directory.CreateDirectory(_folder.File("study"));
        ExperimentWorld.PlanOnClothes().Save(_folder.File("study/plan.json"));
        // What AtomicFile writes to before it renames.
        var held = new FileStream(_folder.File("study/.report.md.tmp"), FileMode.Create, FileAccess.Write, FileShare.None);
        var report = Task.Run(() => Paper("--report", "--out", "study"));
        await Task.Delay(TimeSpan.FromSeconds(3));
        report.IsCompleted.Should().BeFalse();
        await held.DisposeAsync();

        (await report).ShouldSucceed();
        File.Exists(_folder.File("study/report.md")).Should().BeTrue();
    }
}
