using Ardir.Attacks;
using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>Plans that cannot be carried out, and runs that do not end well.</summary>
public sealed class ExperimentFailureTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Run_DivergedTeacher_IsRecordedAndItsStudentIsNotTrained()
    {
        var options = new ExperimentOptions { Losses = ExperimentLosses.Standard.With("nan", _ => new NanLoss()) };
        var plan = ExperimentWorld.Plan();
        plan = plan with { Seeds = [1], Methods = [plan.Methods[0], plan.Methods[1] with { Loss = "nan" }] };

        var results = ExperimentWorld.Run(plan, _folder.Path, options);

        results.Missing.Should().Be(0);
        var teacher = results.Find("teacher", 1)!;
        teacher.Outcome.Should().Be(RunOutcome.Diverged);
        teacher.Message.Should().StartWith("The training loss became NaN in epoch 0.");
        teacher.Evaluations.Should().BeEmpty();
        // The message names the batch at fault, which stays.
        var batch = _folder.File("runs/teacher/seed-1/training/bad-batch.safetensors");
        teacher.Message.Should().Contain($"The first batch at fault is in '{batch}'");
        File.Exists(batch).Should().BeTrue();
        var student = results.Find("ARDIR", 1)!;
        student.Outcome.Should().Be(RunOutcome.TeacherDiverged);
        student.Message.Should().StartWith("The training of the teacher 'teacher' ended early: The training loss became NaN");
        results.Robust("teacher", "PGD-3").Should().BeEmpty();
        // A diverged run is a result; it is not tried again.
        ExperimentWorld.Run(plan, _folder.Path, options).Missing.Should().Be(0);
    }

    [Fact]
    public void Constructor_PlanThatCannotBeCarriedOut_IsRefusedBeforeAnyWork()
    {
        var plan = ExperimentWorld.Plan();
        var (student, teacher) = (plan.Methods[0], plan.Methods[1]);

        Refused(plan with { Methods = [student with { Teacher = null }] }).WithMessage("*'ARDIR' names no teacher, which the loss 'ardir' needs*");
        Refused(plan with { Methods = [teacher, teacher with { Name = "B", Teacher = "teacher" }] })
            .WithMessage("*'B' names the teacher 'teacher', which the loss 'sat' does not use*");
        Refused(plan with { Methods = [student with { Loss = "akd2", Settings = MethodSettings.Empty }, teacher] }).WithMessage("*'ARDIR' names no standardTeacher*");
        Refused(plan with { Methods = [student with { Settings = MethodSettings.Empty.With("bta", 1) }, teacher] }).WithMessage("*no setting 'bta'*");
        Refused(plan with { Attacks = [new ExperimentAttack { Name = "PGD" }] }).WithMessage("*'PGD', which does not exist*FGSM, PGD-20*");
        Refused(plan with { Attacks = [new ExperimentAttack { Name = "PGD-0" }] }).WithMessage("*'PGD-0', which does not exist*");
        Refused(plan with { Attacks = [new ExperimentAttack { Name = "AutoAttack", StepSize = 0.1 }] }).WithMessage("*'AutoAttack' has no step size*");
        Refused(plan with { Attacks = [new ExperimentAttack { Name = "FGSM", Images = 25 }] }).WithMessage("*'FGSM' asks for 25 test images; there are 24*");
        Directory.GetFileSystemEntries(_folder.Path).Should().BeEmpty();
    }

    [Fact]
    public void Constructor_LayerThatDoesNotExist_IsRefusedBeforeAnyWork()
    {
        var plan = ExperimentWorld.Plan();
        plan = plan with { Methods = [plan.Methods[0] with { Settings = MethodSettings.Empty.With("layers", "layer9") }, plan.Methods[1]] };

        var run = () => ExperimentWorld.Run(plan, _folder.Path);

        run.Should().Throw<ArgumentException>().WithMessage("*layer9*");
        Directory.GetFileSystemEntries(_folder.Path).Should().BeEmpty();
    }

    [Fact]
    public void Run_DamagedRecord_SaysWhatToDo()
    {
        var plan = ExperimentWorld.Plan() with { Seeds = [1] };
        ExperimentWorld.Run(plan, _folder.Path);
        File.WriteAllText(_folder.File("runs/teacher/seed-1/run.json"), "{ \"method\": ");

        var run = () => ExperimentWorld.Run(plan, _folder.Path);

        run.Should().Throw<FormatException>().WithMessage("*run.json is not the record of a run.*Delete it to run this run again.");
    }

    [Fact]
    public void Run_AttackAndNetworkOfOnesOwn_AreUsed()
    {
        var options = new ExperimentOptions
        {
            Network = new ExperimentNetworkFactory("two stages", TrainingWorld.Network),
            Attacks = new Dictionary<string, Func<NormThreatModel, IAttack>> { ["mine"] = threat => new FgsmAttack(threat) },
        };
        var plan = ExperimentWorld.Plan() with { Seeds = [1], Attacks = [new ExperimentAttack { Name = "mine" }, new ExperimentAttack { Name = "FGSM" }] };

        var results = ExperimentWorld.Run(plan, _folder.Path, options);

        results.Robust("ARDIR", "mine").Should().Equal(results.Robust("ARDIR", "FGSM"));
        results.Find("ARDIR", 1)!.Identity["network"].Should().Be("two stages");
    }

    [Fact]
    public void Run_TeacherThatIsTrainedAgainWithSuccess_TeachesItsStudent()
    {
        var (broken, mended) = (new ExperimentOptions { Losses = With(true) }, new ExperimentOptions { Losses = With(false) });
        var plan = ExperimentWorld.Plan();
        plan = plan with { Seeds = [1], Methods = [plan.Methods[0], plan.Methods[1] with { Loss = "nan" }] };
        ExperimentWorld.Run(plan, _folder.Path, broken).Find("ARDIR", 1)!.Outcome.Should().Be(RunOutcome.TeacherDiverged);
        Directory.Delete(_folder.File("runs/teacher"), recursive: true);

        var results = ExperimentWorld.Run(plan, _folder.Path, mended);

        results.Records.Should().OnlyContain(record => record.Outcome == RunOutcome.Finished);
        results.Robust("ARDIR", "PGD-3").Should().HaveCount(1);

        static ExperimentLosses With(bool isBroken) => ExperimentLosses.Standard.With("nan", _ => new NanLoss(isBroken));
    }

    private FluentAssertions.Specialized.ExceptionAssertions<FormatException> Refused(ExperimentPlan plan) =>
        ((Action)(() => ExperimentWorld.Run(plan, _folder.Path))).Should().Throw<FormatException>();

    private sealed class NanLoss(bool isBroken = true) : IDistillationLoss
    {
        private readonly AdversarialTrainingLoss _inner = new();

        public string Name => "nan";

        public DistillationNeeds Needs => _inner.Needs;

        public LossTerms Compute(DistillationInputs inputs)
        {
            var terms = _inner.Compute(inputs);
            if (!isBroken) return terms;
            using (terms) return new LossTerms(terms.Total * double.NaN);
        }

        public override string ToString() => Name;
    }
}
