using Ardir.Attacks;
using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>With a threat model alone each loss crafts as its source does; whatever is set explicitly takes precedence.</summary>
public sealed class InnerMaximizationTests
{
    private static readonly ThreatModel _threat = ThreatModel.Linf(TrainingWorld.Epsilon);

    /// <summary>Loss, objective, start, batch norm in train mode, step as a share of epsilon, passes of the student in a step.</summary>
    public static TheoryData<string, InnerObjective, RandomStart, bool, double, int> Sources => new()
    {
        { "SAT", InnerObjective.CrossEntropy, RandomStart.Uniform, true, 0.25, 1 },
        { "ARD", InnerObjective.CrossEntropy, RandomStart.UniformUnclamped, true, 0.25, 1 },
        { "ARD hard", InnerObjective.CrossEntropy, RandomStart.UniformUnclamped, true, 0.25, 2 },
        { "ARDIR", InnerObjective.CrossEntropy, RandomStart.Uniform, false, 0.25, 1 },
        { "ARDIR clean features", InnerObjective.CrossEntropy, RandomStart.Uniform, false, 0.25, 2 },
        { "TRADES", InnerObjective.KlToClean, RandomStart.GaussianUnclamped, false, 0.007 / 0.031, 2 },
        { "MART", InnerObjective.CrossEntropy, RandomStart.GaussianUnclamped, false, 0.007 / 0.031, 2 },
        { "RSLAD", InnerObjective.KlToTeacher, RandomStart.GaussianUnclamped, false, 0.25, 2 },
        { "IAD-I", InnerObjective.CrossEntropy, RandomStart.UniformUnclamped, true, 0.25, 2 },
        { "IAD-II", InnerObjective.CrossEntropy, RandomStart.UniformUnclamped, true, 0.25, 2 },
        { "Sum", InnerObjective.KlToClean, RandomStart.GaussianUnclamped, false, 0.007 / 0.031, 2 },
        { "AKD2", InnerObjective.CrossEntropy, RandomStart.Uniform, true, 0.25, 1 },
    };

    [Theory, MemberData(nameof(Sources))]
    public void Needs_InnerMaximization_IsThatOfTheSource(string name, InnerObjective objective, RandomStart start, bool trainMode, double share, int passes)
    {
        _ = passes;
        LossCases.Make(name).Needs.InnerMaximization.Should().Be(
            new InnerMaximization { Objective = objective, Start = start, Steps = 10, StepShare = share, TrainMode = trainMode });
    }

    [Theory, MemberData(nameof(Sources))]
    public void Fit_ThreatAlone_CraftsAsTheSourceAndUpdatesBatchNormAsOften(string name, InnerObjective objective, RandomStart start, bool trainMode, double share, int passes)
    {
        using var data = TrainingWorld.Data(6);
        var loss = LossCases.Make(name);
        IAttackLoss Objective(IModule teacher) => objective switch
        {
            InnerObjective.KlToClean => AttackLoss.KlToClean,
            InnerObjective.KlToTeacher => AttackLoss.KlToTeacher(teacher),
            _ => AttackLoss.CrossEntropy,
        };
        IAttack Own(IModule teacher) => new PgdAttack(_threat, new PgdOptions { Steps = 10, StepSize = share * TrainingWorld.Epsilon, Start = start, Loss = Objective(teacher) });

        var prescribed = Train(loss, data, teacher => new() { Crafting = new PrescribedCrafting(_threat) });
        var own = Train(loss, data, teacher => new() { Crafting = new OwnCrafting(Own(teacher)) { TrainMode = trainMode } });
        TrainingWorld.SameState(prescribed, own);
        prescribed["bn.num_batches_tracked"].Should().Equal(2 * (passes + (trainMode ? 10 : 0)));
    }

    [Fact]
    public void Fit_ExplicitModeOrAttack_TakesPrecedence()
    {
        using var data = TrainingWorld.Data(6);
        double Updates(TrainerOptions options) => Train(new AdversarialTrainingLoss(), data, _ => options)["bn.num_batches_tracked"][0];
        Updates(new() { Crafting = new PrescribedCrafting(_threat) }).Should().Be(2 * 11);
        Updates(new() { Crafting = new PrescribedCrafting(_threat) { TrainMode = false } }).Should().Be(2);
        Updates(new() { Crafting = new OwnCrafting(TrainingWorld.Pgd()) }).Should().Be(2, "an attack of one's own runs in eval mode unless told otherwise");
        Updates(new() { Crafting = new OwnCrafting(TrainingWorld.Pgd()) { TrainMode = true } }).Should().Be(2 * 3);
        Updates(new() { Crafting = new PrescribedCrafting(_threat) { Steps = 4 } }).Should().Be(2 * 5);
    }

    [Fact]
    public void CreateAttack_PropertyOutOfRange_ThrowsNamingIt()
    {
        void Refused<T>(InnerMaximization inner, string message) where T : ArgumentException =>
            inner.Invoking(i => i.CreateAttack(_threat)).Should().Throw<T>().WithMessage($"*{message}*");
        Refused<ArgumentOutOfRangeException>(new() { Steps = 0 }, "Steps");
        Refused<ArgumentOutOfRangeException>(new() { StepShare = 0 }, "StepShare");
        Refused<ArgumentOutOfRangeException>(new() { StepShare = double.NaN }, "StepShare");
        Refused<ArgumentOutOfRangeException>(new() { StepShare = double.PositiveInfinity }, "StepShare");
        Refused<ArgumentOutOfRangeException>(new() { Objective = (InnerObjective)9 }, "Objective");
        Refused<ArgumentOutOfRangeException>(new() { Start = (RandomStart)99 }, "Start");
        Refused<ArgumentException>(new() { Objective = InnerObjective.KlToClean, Start = RandomStart.None }, "random start");
        Refused<ArgumentNullException>(new() { Objective = InnerObjective.KlToTeacher }, "needs a teacher");
        InnerMaximization.Default.Invoking(i => i.CreateAttack(null!)).Should().Throw<ArgumentNullException>();
    }

    [Fact]
    public void CreateAttack_Text_TellsObjectivesApart()
    {
        using var teacher = TrainingWorld.Network();
        Enum.GetValues<InnerObjective>().Select(objective => new InnerMaximization { Objective = objective }.CreateAttack(_threat, teacher).ToString())
            .Should().OnlyHaveUniqueItems("a run is recognised by the text of its attack");
    }

    [Fact]
    public void Fit_PassesOnAdversarialImages_AllSeeTheSameOnes()
    {
        // Linear networks: what each pass saw can be read off its logits.
        using var student = TinyModels.Linear(classes: 3, inputs: 64, dtype: ScalarType.Float32);
        using var teacher = TinyModels.Linear(classes: 3, inputs: 64, dtype: ScalarType.Float32, seed: 9);
        using var standard = TinyModels.Linear(classes: 3, inputs: 64, dtype: ScalarType.Float32, seed: 13);
        using var data = TrainingWorld.Data(6);
        Tensor? crafted = null;
        var epochs = new List<int>();
        var loss = new OwnLoss(inputs =>
        {
            epochs.Add(inputs.Epoch);
            void Saw(TappedOutput? pass, LinearModel model) => TensorAssert.Same(pass!.Output.detach(), model.call(crafted!).detach());
            Saw(inputs.StudentAdversarial, student);
            Saw(inputs.TeacherOnStudentAdversarial, teacher);
            Saw(inputs.StandardTeacherOnStudentAdversarial, standard);
            (inputs.TeacherOnStudentAdversarial!.Output.requires_grad || inputs.StandardTeacherOnStudentAdversarial!.Output.requires_grad).Should().BeFalse();
            (inputs.StudentClean, inputs.TeacherClean, inputs.TeacherAdversarial).Should().Be((null, null, null));
            return new LossTerms(inputs.StudentAdversarial!.Output.square().mean());
        })
        {
            Needs = new() { Passes = [NetworkPass.StudentAdversarial, NetworkPass.TeacherOnStudentAdversarial, NetworkPass.StandardTeacherOnStudentAdversarial] },
        };
        var attack = new Recorder(images => crafted = images);
        using var trainer = new DistillationTrainer(student, teacher, loss, TrainingWorld.Options(2) with { BatchSize = 6, Crafting = new OwnCrafting(attack) }, standard);
        trainer.Fit(data);
        epochs.Should().Equal(0, 1);
    }

    [Fact]
    public void Constructor_StandardTeacherMissingOrShared_IsRefused()
    {
        using var student = TrainingWorld.Network();
        using var teacher = TrainingWorld.Network(2);
        var needs = new DistillationNeeds { Passes = [NetworkPass.StudentAdversarial, NetworkPass.StandardTeacherOnStudentAdversarial] };
        var loss = new OwnLoss(null!) { Needs = needs };
        FluentActions.Invoking(() => new DistillationTrainer(student, teacher, loss, TrainingWorld.Options())).Should().Throw<ArgumentNullException>().WithMessage("*standard teacher*");
        FluentActions.Invoking(() => new DistillationTrainer(student, teacher, loss, TrainingWorld.Options(), student)).Should().Throw<ArgumentException>().WithMessage("*same module*");
    }

    [Fact]
    public void Fit_AnotherStandardTeacher_IsAnotherRun()
    {
        using var folder = new TemporaryFolder();
        using var data = TrainingWorld.Data(6);
        var loss = new OwnLoss(inputs => new LossTerms(inputs.StudentAdversarial!.Output.square().mean()))
        {
            Needs = new() { Passes = [NetworkPass.StudentAdversarial, NetworkPass.StandardTeacherOnStudentAdversarial] },
        };
        void Run(ulong seed)
        {
            using var student = TrainingWorld.Network();
            using var standard = TrainingWorld.Network(seed);
            using var trainer = new DistillationTrainer(student, null, loss, TrainingWorld.Options(1) with { CheckpointDirectory = folder.Path }, standard);
            trainer.Fit(data);
        }

        Run(3);
        FluentActions.Invoking(() => Run(4)).Should().Throw<InvalidOperationException>().WithMessage("*standard teacher: was*");
    }

    private static Dictionary<string, double[]> Train(IDistillationLoss loss, ImageDataset data, Func<IModule, TrainerOptions> options)
    {
        using var student = TrainingWorld.Network();
        using var teacher = TrainingWorld.Network(2);
        using var standard = TrainingWorld.Network(3);
        using var trainer = new DistillationTrainer(student, teacher, loss, options(teacher) with { Epochs = 2, BatchSize = 6, LearningRate = 0.05, Milestones = [], Seed = 5 }, standard);
        trainer.Fit(data);
        return TrainingWorld.State(student);
    }

    /// <summary>Darkens the images and shows what it returns.</summary>
    private sealed class Recorder(Action<Tensor> crafted) : IAttack
    {
        public string Name => "recorder";

        public ThreatModel Threat => _threat;

        public Tensor Perturb(IModule model, Tensor images, Tensor labels, AttackContext? context = null)
        {
            var result = (images - 0.04).clamp(0, 1);
            crafted(result);
            return result;
        }
    }
}
