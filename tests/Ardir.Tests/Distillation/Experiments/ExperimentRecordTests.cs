using Ardir.Attacks;
using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>Records and states of other plans, of renamed methods, and damaged ones; parts of one's own that cannot be recognised.</summary>
public sealed class ExperimentRecordTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Run_OtherImagesAfterAnInterruptedEnsemble_AttacksAfresh()
    {
        var plan = ExperimentWorld.Plan();
        plan = plan with { Seeds = [1], Methods = [plan.Methods[1]], Attacks = [new ExperimentAttack { Name = "Fast" }] };
        using var cancellation = new CancellationTokenSource();
        var first = () => ExperimentWorld.Run(plan, _folder.Path, progress: new Attacked(cancellation.Cancel), cancellation: cancellation.Token);
        first.Should().Throw<OperationCanceledException>();
        Names("*.state").Should().ContainSingle();

        var results = ExperimentWorld.Run(plan with { Attacks = [plan.Attacks[0] with { Images = 12 }] }, _folder.Path);

        results.Find("teacher", 1)!.Evaluations.Should().HaveCount(2).And.OnlyContain(evaluation => evaluation.Images == 12);
        Names("*").Should().Equal("best.safetensors", "last.safetensors", "run.json");
    }

    [Fact]
    public void Run_RenamedMethod_IsTheRunItWas()
    {
        var plan = ExperimentWorld.Plan() with { Seeds = [1] };
        var before = ExperimentWorld.Run(plan, _folder.Path);
        Directory.Move(_folder.File("runs/teacher"), _folder.File("runs/mentor"));
        plan = plan with { Methods = [plan.Methods[0] with { Teacher = "mentor" }, plan.Methods[1] with { Name = "mentor" }] };

        foreach (var results in new[] { ExperimentWorld.Run(plan, _folder.Path), ExperimentResults.Load(plan, _folder.Path) })
        {
            results.Missing.Should().Be(0);
            results.Robust("mentor", "PGD-3").Should().Equal(before.Robust("teacher", "PGD-3"));
        }
        Directory.Exists(_folder.File("runs/teacher")).Should().BeFalse();
    }

    [Fact]
    public void Load_RecordsOfAnotherPlan_AreRefused()
    {
        var plan = ExperimentWorld.Plan() with { Seeds = [1] };
        ExperimentWorld.Run(plan, _folder.Path);

        Refused(plan with { Recipe = plan.Recipe with { Epochs = 3 } }).WithMessage("*run.json belongs to another run*recipe: was*2*is*3*");
        Refused(plan with { Threat = new ExperimentThreat { Epsilon = 0.5 } }).WithMessage("*threat: was*");
        Refused(plan with { Data = plan.Data with { Augment = true } }).WithMessage("*augmentation: was 'none', is 'crop and flip'*");
        Directory.Move(_folder.File("runs/teacher/seed-1"), _folder.File("runs/teacher/seed-2"));
        Refused(plan with { Seeds = [2] }).WithMessage("*seed: was '1', is '2'*");

        FluentAssertions.Specialized.ExceptionAssertions<InvalidOperationException> Refused(ExperimentPlan other) =>
            ((Action)(() => ExperimentResults.Load(other, _folder.Path))).Should().Throw<InvalidOperationException>();
    }

    [Theory]
    [InlineData("\"images\": 1000", "\"images\": 0")]
    [InlineData("\"robust\": 500", "\"robust\": 1001")]
    [InlineData("\"correct\": 900", "\"correct\": -1")]
    [InlineData("\"bestEpoch\": 1", "\"bestEpoch\": 3")]
    [InlineData("\"outcome\": \"Finished\"", "\"outcome\": 9")]
    [InlineData("\"weights\": \"Best\"", "\"weights\": 9")]
    [InlineData("\"evaluations\"", "\"others\"")]
    [InlineData("\"epochs\"", "\"others\"")]
    [InlineData("\"findings\"", "\"others\"")]
    [InlineData("\"message\"", "\"others\"")]
    [InlineData("\"seed\": 1", "\"seed\": -1")]
    [InlineData("\"evaluations\": [", "\"evaluations\": [null,")]
    [InlineData("\"epochs\": [", "\"epochs\": [null,")]
    public void Load_RecordWithoutMeaning_SaysWhatToDo(string right, string wrong)
    {
        var path = _folder.File("run.json");
        StudyRecords.Run("A", 1, 900, 500).Save(path);
        RunRecord.Load(path).Find("AutoAttack", KeptWeights.Best)!.RobustAccuracy.Should().Be(0.5);
        var text = File.ReadAllText(path);
        text.Should().Contain(right);
        File.WriteAllText(path, text.Replace(right, wrong, StringComparison.Ordinal));

        var load = () => RunRecord.Load(path);

        load.Should().Throw<FormatException>().WithMessage("*run.json is not the record of a run.*Delete it to run this run again.");
    }

    [Fact]
    public async Task Load_WhileTheRecordIsReplaced_WaitsForIt()
    {
        var path = _folder.File("run.json");
        StudyRecords.Run("A", 1, 900, 500).Save(path);
        ExperimentWorld.Plan().Save(_folder.File("plan.json"));
        // As a writer holds it between its renaming and its closing.
        var record = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.None);
        var plan = new FileStream(_folder.File("plan.json"), FileMode.Open, FileAccess.Write, FileShare.None);
        var reading = Task.Run(() => (RunRecord.Load(path), ExperimentPlan.Load(_folder.File("plan.json"))));
        await Task.Delay(200);
        reading.IsCompleted.Should().BeFalse();
        await record.DisposeAsync();
        await plan.DisposeAsync();

        var (loaded, ofPlan) = await reading;
        loaded.Find("AutoAttack", KeptWeights.Best)!.Robust.Should().Be(500);
        ofPlan.Name.Should().Be("tiny");
    }

    [Fact]
    public void Constructor_PartsThatHideValues_AreRefusedBeforeAnyWork()
    {
        var plan = ExperimentWorld.Plan();
        var attack = new ExperimentOptions { Attacks = new Dictionary<string, Func<NormThreatModel, IAttack>> { ["mine"] = threat => new HiddenAttack(threat, 3) } };

        Refused(plan with { Attacks = [new ExperimentAttack { Name = "mine" }] }, attack).Should().Throw<InvalidOperationException>().WithMessage("*HiddenAttack*");
        var loss = new ExperimentOptions { Losses = ExperimentLosses.Standard.With("mine", _ => new HiddenLoss(3)) };
        Refused(plan with { Methods = [plan.Methods[1] with { Loss = "mine" }] }, loss).Should().Throw<InvalidOperationException>().WithMessage("*HiddenLoss*");
        Directory.GetFileSystemEntries(_folder.Path).Should().BeEmpty();
    }

    [Fact]
    public void Constructor_NetworkThatIgnoresItsSeed_IsRefused()
    {
        var plan = ExperimentWorld.Plan();
        var options = new ExperimentOptions
        {
            Network = new ExperimentNetworkFactory("random", _ => PreActResNet.Create(new() { InputChannels = 1, Classes = 3, Widths = [4, 8], BlocksPerStage = 1 })),
        };

        Refused(plan, options).Should().Throw<ArgumentException>().WithMessage("The network 'random' has other weights each time*");
    }

    private Action Refused(ExperimentPlan plan, ExperimentOptions options) => () => ExperimentWorld.Run(plan, _folder.Path, options);

    private IEnumerable<string?> Names(string pattern) =>
        Directory.GetFiles(_folder.Path, pattern, SearchOption.AllDirectories).Select(Path.GetFileName).Order();

    private sealed class Attacked(Action act) : IProgress<ExperimentProgress>
    {
        public void Report(ExperimentProgress value)
        {
            if (value.Attack is not null) act();
        }
    }

    private sealed class HiddenAttack(ThreatModel threat, int hidden) : IAttack
    {
        private readonly FgsmAttack _inner = new(threat);

        public string Name => "hidden";

        public ThreatModel Threat => _inner.Threat;

        public Tensor Perturb(IModule model, Tensor images, Tensor labels, AttackContext? context = null) =>
            hidden > 0 ? _inner.Perturb(model, images, labels, context) : images.clone();
    }

    private sealed class HiddenLoss(int hidden) : IDistillationLoss
    {
        private readonly AdversarialTrainingLoss _inner = new();

        public string Name => "hidden";

        public DistillationNeeds Needs => _inner.Needs;

        public LossTerms Compute(DistillationInputs inputs) => hidden > 0 ? _inner.Compute(inputs) : throw new InvalidOperationException();
    }
}
