using System.Globalization;
using Ardir.Attacks;
using Ardir.Core;
using Ardir.Distillation;
using TorchSharp.Modules;

namespace Ardir.Tests;

/// <summary>Networks, images and optimisers of one's own that would be mistaken for others, or silently not be used.</summary>
public sealed class TrainerMisuseOfRolesTests : IDisposable
{
    private readonly PreActResNet _student = TrainingWorld.Network();
    private readonly ImageDataset _data = TrainingWorld.Data(20);

    public void Dispose()
    {
        _student.Dispose();
        _data.Dispose();
    }

    [Theory]
    [InlineData("loss")]
    [InlineData("Seed")]
    [InlineData("training set")]
    public void Identity_RoleWithTheNameOfAnOption_HidesNothing(string name)
    {
        using var network = TrainingWorld.Network(3);
        using var other = TrainingWorld.Network(4);
        Dictionary<string, string> Of(IModule with)
        {
            var setup = new TrainingSetup(
                _student, new Dictionary<NetworkRole, IModule> { [new(name)] = with }, new StandardTrainingLoss(), TrainingWorld.Options(), new([]));
            return RunIdentity.Of(setup, _data, null);
        }
        var (identity, plain) = (Of(network), RunIdentity.Of(TrainingWorld.Setup(TrainingWorld.Options(), new StandardTrainingLoss(), _student), _data, null));
        identity.Should().Contain(plain).And.HaveCount(plain.Count + 1);
        identity.Except(Of(other)).Should().ContainSingle().Which.Key.Should().Contain(name);
    }

    [Fact]
    public void Identity_NetworksOfAttacksAndLosses_AreComparedByTheirWeights()
    {
        using var teacher = TrainingWorld.Network(3);
        using var other = TrainingWorld.Network(4);
        var pgd = new PgdOptions { Steps = 1 };
        Dictionary<string, string> Of(IModule asked, IModule? learntFrom = null) => RunIdentity.OfOptions(TrainingWorld.Setup(
            TrainingWorld.Options() with
            {
                Crafting = new OwnCrafting(new PgdAttack(TrainingWorld.Pgd().Threat, pgd with { Loss = AttackLoss.KlToTeacher(asked) })),
                SelectionAttack = new PgdAttack(TrainingWorld.Pgd().Threat, pgd with { Loss = new ArdirAttackLoss(_student, asked, new() { Beta = 0 }) }),
            },
            new NetworkLoss(asked), _student, learntFrom));
        var (one, two) = (Of(teacher), Of(other));
        one.Should().Equal(Of(teacher));
        one.Keys.Where(key => one[key] != two[key]).Should().BeEquivalentTo("Crafting", "SelectionAttack", "loss");
        Of(teacher, teacher).Values.Should().NotContain(text => text.Contains(Fingerprint.Of(teacher)), "its weights are compared under its role");
        Of(_student)["loss"].Should().NotContain(Fingerprint.Of(_student), "it is being trained");
    }

    [Fact]
    public void Identity_NameOfALossWithANumber_IsTheSameInEveryCulture()
    {
        var before = CultureInfo.CurrentCulture;
        var setup = TrainingWorld.Setup(TrainingWorld.Options(), new NumberLoss(0.5), _student);
        try
        {
            var comma = (CultureInfo)CultureInfo.InvariantCulture.Clone();
            comma.NumberFormat.NumberDecimalSeparator = ",";
            CultureInfo.CurrentCulture = comma;
            RunIdentity.OfOptions(setup)["loss"].Should().StartWith("number 0.5: ");
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Theory]
    [InlineData("Student", "NetworkRole.Student")]
    [InlineData("TEACHER", "NetworkRole.Teacher")]
    [InlineData(" standard teacher", "NetworkRole.StandardTeacher")]
    public void Role_ThatDiffersFromAKnownOneByCaseOrSpacesOnly_IsRefused(string name, string known) =>
        FluentActions.Invoking(() => new NetworkRole(name)).Should().Throw<ArgumentException>().WithMessage($"*{known}*");

    [Fact]
    public void Role_OfAKnownName_IsThatRole()
    {
        new NetworkRole("teacher").Should().Be(NetworkRole.Teacher);
        new NetworkRole("teachers").Name.Should().Be("teachers");
    }

    [Fact]
    public void Constructor_NetworkUnderAnotherRole_NamesTheRolesThatWereGiven()
    {
        var loss = new OwnLoss(null!) { Needs = new() { Passes = [NetworkPass.StudentClean, new(new("second"), ImageSource.Clean)] } };
        using var network = TrainingWorld.Network(3);
        FluentActions.Invoking(() => new DistillationTrainer(_student, loss, new Dictionary<NetworkRole, IModule> { [new("Second")] = network }))
            .Should().Throw<ArgumentException>().WithMessage("*needs a second*under its role*given: 'Second'*");
    }

    [Fact]
    public void Constructor_NetworkAddedToTheCallersDictionaryLater_PlaysNoPart()
    {
        using var folder = new TemporaryFolder();
        using var network = TrainingWorld.Network(3);
        var networks = new Dictionary<NetworkRole, IModule>();
        var options = TrainingWorld.Options(1) with { CheckpointDirectory = folder.Path };
        using (var trainer = new DistillationTrainer(_student, new StandardTrainingLoss(), networks, options))
        {
            networks[NetworkRole.Teacher] = network;
            trainer.Fit(_data);
        }
        networks.Clear();
        using var again = new DistillationTrainer(_student, new StandardTrainingLoss(), networks, options);
        again.Fit(_data).Epochs.Should().ContainSingle("it is the same run");
    }

    [Fact]
    public void Fit_ViewsAndRolesWhoseNamesWouldBeConfused_HaveRandomNumbersAndAnOrderOfTheirOwn()
    {
        var (plain, odd) = (new NetworkRole("a"), new NetworkRole("a/b"));
        var (view, role) = (ImageSource.AdversarialTo(plain, "b"), ImageSource.AdversarialTo(odd));
        var seeds = new List<ulong>();
        var loss = new OwnLoss(inputs => new LossTerms(inputs[NetworkPass.StudentClean].Output.square().mean()))
        {
            Needs = new() { Passes = [NetworkPass.StudentClean, new(plain, view), new(odd, role)] },
        };
        using var one = TrainingWorld.Network(3);
        using var two = TrainingWorld.Network(4);
        var options = TrainingWorld.Options(1) with
        {
            BatchSize = 20, Crafting = new OwnCrafting(new WatchedAttack(null, (_, _, context) => seeds.Add(context.Seed))),
        };
        using var trainer = new DistillationTrainer(_student, loss, new Dictionary<NetworkRole, IModule> { [plain] = one, [odd] = two }, options);
        trainer.Fit(_data);
        seeds.Should().HaveCount(2).And.OnlyHaveUniqueItems();
    }

    [Fact]
    public void Constructor_PrescriptionOrLayersForWhatNoPassUses_AreRefused()
    {
        var needs = new DistillationNeeds { Passes = [NetworkPass.StudentAdversarial] };
        void Refused(DistillationNeeds with, string says) => FluentActions
            .Invoking(() => new DistillationTrainer(_student, null, new OwnLoss(null!) { Needs = with }, TrainingWorld.Options()))
            .Should().Throw<ArgumentException>().WithMessage(says);
        Refused(
            needs with { InnerMaximizations = needs.InnerMaximizations.Add(ImageSource.AdversarialTo(NetworkRole.Student, "Second"), new()) },
            "*own*InnerMaximizations*images adversarial to student (Second)*no pass*");
        Refused(needs with { TeacherLayers = ["layer1"] }, "*own*layers*teacher*no pass*");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Fit_CraftingThatTheLossDoesNotUse_IsWarnedOf(bool uses)
    {
        var logger = new ListLogger();
        IDistillationLoss loss = uses ? new AdversarialTrainingLoss() : new StandardTrainingLoss();
        using var trainer = new DistillationTrainer(_student, null, loss, TrainingWorld.Options(1) with { Logger = logger });
        trainer.Fit(_data);
        logger.Entries.Any(entry => entry.Message.Contains("uses no adversarial images", StringComparison.Ordinal)).Should().Be(!uses);
    }

    [Theory]
    [InlineData(0.1, true)]
    [InlineData(0.01, false)]
    public void Fit_AdamWithTheRateOfSgd_IsWarnedOf(double rate, bool warns)
    {
        var logger = new ListLogger();
        var options = TrainingWorld.Options(1) with { Crafting = null, LearningRate = rate, Logger = logger, Optimizer = new AdamWOptimizer() };
        using var trainer = new DistillationTrainer(_student, null, new StandardTrainingLoss(), options);
        trainer.Fit(_data);
        logger.Entries.Any(entry => entry.Message.Contains("near 1e-3", StringComparison.Ordinal)).Should().Be(warns);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Fit_AttackThatDoesNotSetTheMode_SeesTheOneThatThePlanSays(bool train)
    {
        var modes = new List<bool>();
        var attack = new WatchedAttack(null, (model, _, _) => modes.Add(((nn.Module)model).training));
        var options = TrainingWorld.Options(1) with { Crafting = new OwnCrafting(attack) { TrainMode = train } };
        using var trainer = new DistillationTrainer(_student, null, new AdversarialTrainingLoss(), options);
        trainer.Fit(_data);
        modes.Should().NotBeEmpty().And.AllBeEquivalentTo(train);
        _student.training.Should().BeTrue();
    }

    [Fact]
    public void Constructor_LossThatMakesWhatItTrainsAtEachCall_IsRefused() => FluentActions
        .Invoking(() => new DistillationTrainer(_student, null, new FreshLoss(), TrainingWorld.Options()))
        .Should().Throw<ArgumentException>().WithMessage("*fresh*another module*constructor*");

    [Fact]
    public void Identity_NetworkThatTheLossKeepsInPart_IsComparedInTheRest()
    {
        using var kept = nn.Linear(3, 3);
        Dictionary<string, string> Of(ulong seed)
        {
            // Not disposed as a whole, because that would dispose what the loss keeps.
            using var own = TrainingWorld.Network(seed);
            var network = nn.Sequential(own, kept);
            var setup = new TrainingSetup(
                _student, new Dictionary<NetworkRole, IModule> { [NetworkRole.Teacher] = network }, new KeepingLoss(kept), TrainingWorld.Options(), new([]));
            return RunIdentity.Of(setup, _data, null);
        }
        var (one, other) = (Of(3), Of(4));
        Of(3).Should().Equal(one);
        one.Except(other).Should().ContainSingle().Which.Key.Should().Be("teacher");
        using (no_grad()) kept.weight!.add_(1);
        Of(3).Should().Equal(one, "it is in the checkpoints");
    }

    [Fact]
    public void Fit_OptimizerThatTrainsOtherParameters_IsRefusedAndTheStudentIsAsItWas()
    {
        using var other = TrainingWorld.Network(3);
        var optimizer = TrainingOptimizer.Custom("stale", (_, rate) => optim.Adam(other.parameters(), rate));
        var before = TrainingWorld.State(_student);
        using (var trainer = new DistillationTrainer(
            _student, null, new StandardTrainingLoss(), TrainingWorld.Options(1) with { Optimizer = optimizer, Precision = TrainingPrecision.BFloat16 }))
        {
            trainer.Invoking(t => t.Fit(_data)).Should().Throw<InvalidOperationException>().WithMessage("*stale*parameters that it was not given*");
        }
        _student.parameters().Should().OnlyContain(parameter => parameter.dtype == ScalarType.Float32);
        TrainingWorld.SameState(TrainingWorld.State(_student), before);
    }

    [Fact]
    public void Fit_OptimizerThatCannotBeMade_LeavesTheStudentAsItWas() => LeakAssert.None(() =>
    {
        using var student = TrainingWorld.Network();
        var options = TrainingWorld.Options(1) with
        {
            Precision = TrainingPrecision.BFloat16, Optimizer = TrainingOptimizer.Custom("broken", (_, _) => throw new NotSupportedException("broken")),
        };
        using var trainer = new DistillationTrainer(student, null, new StandardTrainingLoss(), options);
        trainer.Invoking(t => t.Fit(_data)).Should().Throw<NotSupportedException>();
        student.parameters().Should().OnlyContain(parameter => parameter.dtype == ScalarType.Float32);
    });

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Fit_BuffersOfTheLoss_AreUndoneLikeThoseOfTheStudent(bool skips)
    {
        using var norm = nn.BatchNorm1d(3);
        var steps = 0;
        var loss = new NormLoss(norm, () => skips && ++steps > 1);
        var options = TrainingWorld.Options(1) with
        {
            BatchSize = 10, NonFiniteLoss = NonFiniteLoss.Skip, WeightPerturbation = skips ? null : new AdversarialWeightPerturbation(),
        };
        using var trainer = new DistillationTrainer(_student, null, loss, options);
        trainer.Fit(_data).Epochs[0].SkippedSteps.Should().Be(skips ? 1 : 0);
        norm.num_batches_tracked!.ToInt64().Should().Be(skips ? 1 : 2, "two steps, one of them left out; the pass before AWP's move does not count");
    }

    private sealed record NetworkLoss(IModule Network) : IDistillationLoss
    {
        public string Name => "network";

        public DistillationNeeds Needs { get; } = new() { Passes = [NetworkPass.StudentAdversarial] };

        public LossTerms Compute(DistillationInputs inputs) => throw new NotSupportedException();
    }

    private sealed record KeepingLoss(nn.Module Trainable) : IDistillationLoss
    {
        public string Name => "keeping";

        public DistillationNeeds Needs { get; } = new() { Passes = [NetworkPass.StudentClean, NetworkPass.TeacherClean] };

        public LossTerms Compute(DistillationInputs inputs) => throw new NotSupportedException();
    }

    private sealed class FreshLoss : IDistillationLoss
    {
        public string Name => "fresh";

        public DistillationNeeds Needs { get; } = new() { Passes = [NetworkPass.StudentClean] };

        public nn.Module Trainable => nn.Linear(1, 1);

        public LossTerms Compute(DistillationInputs inputs) => throw new NotSupportedException();
    }

    private sealed class NumberLoss(double weight) : IDistillationLoss
    {
        public string Name => $"number {weight}";

        public DistillationNeeds Needs { get; } = new() { Passes = [NetworkPass.StudentClean] };

        public LossTerms Compute(DistillationInputs inputs) => throw new NotSupportedException();

        public override string ToString() => Name;
    }

    private sealed class NormLoss(BatchNorm1d norm, Func<bool> breaks) : IDistillationLoss
    {
        public string Name => "norm";

        public DistillationNeeds Needs { get; } = new() { Passes = [NetworkPass.StudentClean] };

        public nn.Module Trainable => norm;

        public LossTerms Compute(DistillationInputs inputs)
        {
            var loss = norm.call(inputs.StudentClean!.Output).pow(4).mean();
            return new LossTerms(breaks() ? loss * double.NaN : loss);
        }

        public override string ToString() => Name;
    }
}
