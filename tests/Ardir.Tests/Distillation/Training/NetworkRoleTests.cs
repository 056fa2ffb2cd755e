using Ardir.Attacks;
using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>Losses with networks and images of their own: a second teacher, an average of the student, two adversarial views. Linear
/// networks, so that what each pass saw can be computed by hand.</summary>
public sealed class NetworkRoleTests : IDisposable
{
    private readonly LinearModel _student = Linear(5);
    private readonly LinearModel _teacher = Linear(9);
    private readonly LinearModel _second = Linear(13);
    private readonly ImageDataset _data = TrainingWorld.Data(6);
    private Tensor? _images;

    public void Dispose()
    {
        _student.Dispose();
        _teacher.Dispose();
        _second.Dispose();
        _data.Dispose();
    }

    [Fact]
    public void Fit_SecondTeacher_IsRunAndAttackedLikeTheFirst()
    {
        var role = new NetworkRole("second teacher");
        var (onClean, onItsOwn) = (new NetworkPass(role, ImageSource.Clean), new NetworkPass(role, ImageSource.AdversarialTo(role)));
        var losses = new List<double>();
        var loss = new OwnLoss(inputs =>
        {
            TensorAssert.Same(inputs[onClean].Output, ByHand(_second, _images!));
            TensorAssert.Same(inputs[onItsOwn].Output, ByHand(_second, _images! * 0.5));
            (inputs[onClean].Output.requires_grad || inputs[onItsOwn].Output.requires_grad).Should().BeFalse();
            inputs.Find(NetworkPass.TeacherAdversarial).Should().BeNull();
            var student = inputs[NetworkPass.StudentClean].Output;
            var total = (student - inputs[NetworkPass.TeacherClean].Output).square().mean() + (student - inputs[onClean].Output).square().mean() * 2;
            losses.Add(total.ToDouble());
            var (own, first, second) = (ByHand(_student, _images!), ByHand(_teacher, _images!), ByHand(_second, _images!));
            losses[^1].Should().BeApproximately((own - first).square().mean().ToDouble() + 2 * (own - second).square().mean().ToDouble(), 1e-5);
            return new LossTerms(total);
        }) { Needs = new() { Passes = [NetworkPass.StudentClean, NetworkPass.TeacherClean, onClean, onItsOwn] } };
        var attacked = new List<IModule>();
        var watched = new Changed(0.5, (model, images, _) =>
        {
            _images = images;
            attacked.Add(model);
        });
        var options = Options() with { Crafting = new OwnCrafting(watched) };
        var networks = new Dictionary<NetworkRole, IModule> { [NetworkRole.Teacher] = _teacher, [role] = _second };
        using (var trainer = new DistillationTrainer(_student, loss, networks, options)) trainer.Fit(_data);
        losses.Should().HaveCount(3);
        attacked.Should().HaveCount(3).And.OnlyContain(model => ReferenceEquals(model, _second));
    }

    [Fact]
    public void Fit_AverageOfTheStudent_FollowsItAndIsKeptInTheCheckpoint()
    {
        using var folder = new TemporaryFolder();
        var whole = Train(2);
        whole.Should().HaveCount(2 * 3).And.OnlyContain(step => Math.Abs(step.Loss - step.ByHand) < 1e-5);
        Train(1, folder.Path);
        Train(2, folder.Path).Select(step => step.Loss).Should().Equal(whole.Skip(3).Select(step => step.Loss), "the checkpoint holds the average");
    }

    [Fact]
    public void Fit_TwoAdversarialViews_AreCraftedApart()
    {
        var view = ImageSource.AdversarialTo(NetworkRole.Student, "second");
        var second = new NetworkPass(NetworkRole.Student, view);
        var seeds = new List<ulong>();
        var loss = new OwnLoss(inputs =>
        {
            var (one, two) = (inputs[NetworkPass.StudentAdversarial].Output, inputs[second].Output);
            TensorAssert.Same(one.detach(), ByHand(_student, _images! * 0.5));
            TensorAssert.Same(two.detach(), ByHand(_student, _images! * 0.25));
            two.requires_grad.Should().BeTrue();
            return new LossTerms(one.square().mean() + two.square().mean());
        }) { Needs = new() { Passes = [NetworkPass.StudentAdversarial, second] } };
        Changed Half(double factor) => new(factor, (_, images, context) =>
        {
            _images = images;
            seeds.Add(context.Seed);
        });
        var crafting = new OwnCrafting(Half(0.5));
        crafting = crafting with { Attacks = crafting.Attacks.Add(view, Half(0.25)) };
        using var trainer = new DistillationTrainer(_student, null, loss, Options() with { Crafting = crafting });
        var result = trainer.Fit(_data);
        seeds.Should().HaveCount(2 * 3);
        seeds.Distinct().Should().HaveCount(2, "each view has random numbers of its own; the samples' numbers tell the steps of an epoch apart");
        result.Crafting.Images.Select(entry => entry.Images).Should().Equal(ImageSource.Adversarial, view);
    }

    [Fact]
    public void Prescribed_SecondView_IsCraftedAsTheLossSaysForIt()
    {
        var view = ImageSource.AdversarialTo(NetworkRole.Student, "second");
        var needs = new DistillationNeeds
        {
            Passes = [NetworkPass.StudentAdversarial, new(NetworkRole.Student, view), NetworkPass.TeacherAdversarial],
            InnerMaximization = new() { Objective = InnerObjective.KlToClean, Start = RandomStart.Gaussian, Steps = 3, TrainMode = true },
        };
        needs = needs with { InnerMaximizations = needs.InnerMaximizations.Add(view, new() { Steps = 7 }) };
        var threat = ThreatModel.Linf(0.1);
        var plan = CraftingPlan.Of(new PrescribedCrafting(threat) { StepShare = 0.5 }, new OwnLoss(null!) { Needs = needs }, teacher: null);
        PgdOptions Steps(int steps, RandomStart start) => new() { Steps = steps, StepSize = 0.05, Start = start };
        plan.Images.Select(entry => (entry.Images, $"{entry.Attack}", entry.TrainMode)).Should().Equal(
            (ImageSource.Adversarial, $"{new PgdAttack(threat, Steps(3, RandomStart.Gaussian) with { Loss = AttackLoss.KlToClean })}", true),
            (view, $"{new PgdAttack(threat, Steps(7, RandomStart.Uniform))}", false),
            (ImageSource.AdversarialTo(NetworkRole.Teacher), $"{new PgdAttack(threat, Steps(3, RandomStart.Gaussian))}", false));
    }

    [Fact]
    public void Constructor_NetworksThatAreMissingOrNotSeparate_AreRefused()
    {
        var role = new NetworkRole("second teacher");
        var loss = new OwnLoss(null!) { Needs = new() { Passes = [NetworkPass.StudentClean, new(role, ImageSource.Clean)] } };
        void Refused(string message, IDistillationLoss with, params (NetworkRole Role, IModule Network)[] networks) => FluentActions
            .Invoking(() => new DistillationTrainer(_student, with, networks.ToDictionary(pair => pair.Role, pair => pair.Network), Options()))
            .Should().Throw<ArgumentException>().WithMessage($"*{message}*");
        Refused("needs a second teacher*under its role", loss);
        Refused("same module", loss, (role, _student));
        Refused("student is passed on its own", loss, (role, _second), (NetworkRole.Student, _teacher));
        Refused("trains a module of one of the networks", new AverageLoss(_second), (AverageLoss.Role, _second));
    }

    [Fact]
    public void Crafting_AttackOnImagesThatTheLossDoesNotUse_IsRefused()
    {
        var crafting = new OwnCrafting(TrainingWorld.Pgd());
        crafting = crafting with { Attacks = crafting.Attacks.Add(ImageSource.AdversarialTo(NetworkRole.Teacher), TrainingWorld.Pgd()) };
        FluentActions.Invoking(() => CraftingPlan.Of(crafting, new AdversarialTrainingLoss(), null))
            .Should().Throw<ArgumentException>().WithMessage("*images adversarial to teacher*does not use*images adversarial to student*");
        CraftingPlan.Of(null, new StandardTrainingLoss(), null).ToString().Should().Be("no adversarial images");
    }

    [Theory]
    [InlineData(0.05, false)]
    [InlineData(0.1, true)]
    public void Fit_SelectionAttackOfAnotherThreat_IsAllowedAndNamed(double epsilon, bool warns)
    {
        var logger = new ListLogger();
        var options = Options() with
        {
            Crafting = new PrescribedCrafting(ThreatModel.Linf(0.05)), SelectionAttack = new FgsmAttack(ThreatModel.Linf(epsilon)), Logger = logger,
        };
        using var trainer = new DistillationTrainer(_student, null, new AdversarialTrainingLoss(), options);
        trainer.Fit(_data, _data).Crafting.ToString().Should().StartWith("images adversarial to student: PGD-10").And.EndWith("batch norm in train mode");
        logger.Entries.Should().ContainSingle(entry => entry.Message.StartsWith("Crafting: images adversarial to student: PGD-10", StringComparison.Ordinal));
        logger.Entries.Any(entry => entry.Message.Contains("Linf(0.1), but the student trains within Linf(0.05)", StringComparison.Ordinal)).Should().Be(warns);
    }

    private static LinearModel Linear(int seed) => TinyModels.Linear(classes: 3, inputs: 64, dtype: ScalarType.Float32, seed: seed);

    private static TrainerOptions Options() => TrainingWorld.Options(1) with { BatchSize = 2, LearningRate = 0.001 };

    private static Tensor ByHand(LinearModel model, Tensor images)
    {
        using var noGrad = no_grad();
        return images.flatten(1).matmul(model.Weight.t()) + model.Bias;
    }

    private List<(double Loss, double ByHand)> Train(int epochs, string? folder = null)
    {
        using var student = Linear(5);
        using var average = Linear(13);
        foreach (var parameter in average.parameters()) parameter.requires_grad = false;
        var loss = new AverageLoss(average);
        var seen = new List<(double, double)>();
        loss.Computed = total => seen.Add((total, (ByHand(student, _images!) - ByHand(average, _images!)).square().mean().ToDouble()));
        var progress = new ListProgress<TrainingProgress>(report => { if (report.Phase == TrainingPhase.Train) loss.Follow(student); });
        var options = Options() with
        {
            Epochs = epochs, CheckpointDirectory = folder, Crafting = new OwnCrafting(new Changed(1, (_, images, _) => _images = images)),
        };
        using var trainer = new DistillationTrainer(student, loss, new Dictionary<NetworkRole, IModule> { [AverageLoss.Role] = average }, options);
        trainer.Fit(_data, null, progress);
        return seen;
    }

    /// <summary>Scales the images and shows what it is given.</summary>
    private sealed class Changed(double factor, Action<IModule, Tensor, AttackContext> watch) : IAttack
    {
        public string Name => "changed";

        public ThreatModel Threat { get; } = ThreatModel.Linf(1);

        public Tensor Perturb(IModule model, Tensor images, Tensor labels, AttackContext? context = null)
        {
            watch(model, images, context!);
            return images * factor;
        }

        public override string ToString() => $"{Name} {factor}";
    }

    /// <summary>Keeps the student close to an average of its weights.</summary>
    private sealed class AverageLoss(LinearModel average) : IDistillationLoss
    {
        public static readonly NetworkRole Role = new("average");
        private static readonly NetworkPass _pass = new(Role, ImageSource.Adversarial);

        public Action<double>? Computed { get; set; }

        public string Name => "average";

        public DistillationNeeds Needs { get; } = new() { Passes = [NetworkPass.StudentAdversarial, _pass] };

        public nn.Module Trainable => average;

        public void Follow(LinearModel student)
        {
            using var scope = NewDisposeScope();
            using var noGrad = no_grad();
            average.Weight.add_((student.Weight - average.Weight) * 0.5);
            average.Bias.add_((student.Bias - average.Bias) * 0.5);
        }

        public LossTerms Compute(DistillationInputs inputs)
        {
            inputs[_pass].Output.requires_grad.Should().BeFalse();
            var total = (inputs[NetworkPass.StudentAdversarial].Output - inputs[_pass].Output).square().mean();
            Computed?.Invoke(total.ToDouble());
            return new LossTerms(total);
        }

        public override string ToString() => Name;
    }
}
