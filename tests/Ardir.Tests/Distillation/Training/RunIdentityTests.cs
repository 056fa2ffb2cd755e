using Ardir.Attacks;
using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>The texts by which a run recognises its checkpoints, and how a checkpoint that cannot be written is told.</summary>
public sealed class RunIdentityTests : IDisposable
{
    private readonly ImageDataset _data = TrainingWorld.Data(6);

    public void Dispose() => _data.Dispose();

    [Fact]
    public void Of_WhatIsLeftOut_SaysSo()
    {
        using var student = nn.Linear(2, 3);
        var identity = RunIdentity.Of(TrainingWorld.Setup(new() { Milestones = [3, 7] }, new ArdLoss(), student), _data, null);
        identity.Where(pair => pair.Value == "null").Select(pair => pair.Key).Should().BeEquivalentTo(
            "Schedule", "MaxGradientNorm", "WeightPerturbation", "WeightAveraging", "Augmentation", "SelectionAttack");
        identity.Where(pair => pair.Value == "none").Select(pair => pair.Key).Should().BeEquivalentTo("teacher", "validation set");
        identity["Crafting"].Should().Be("no adversarial images");
        identity.Should().NotContainKey("standard teacher").And.NotContainKeys(RunIdentity.Free);
        identity["Milestones"].Should().Be("[3, 7]");
    }

    [Theory]
    [MemberData(nameof(TrainerCheckpointTests.ChangedOptions), MemberType = typeof(TrainerCheckpointTests))]
    public void Of_OptionChanged_DiffersInItsKeyAlone(string name, Func<TrainerOptions, TrainerOptions> change)
    {
        using var student = nn.Linear(2, 3);
        Dictionary<string, string> Of(TrainerOptions options) => RunIdentity.Of(TrainingWorld.Setup(options, new ArdLoss(), student, null, null), _data, null);
        var (first, second) = (Of(TrainingWorld.Options()), Of(change(TrainingWorld.Options())));
        first.Keys.Where(key => first[key] != second[key]).Should().Equal(name);
    }

    [Fact]
    public void Of_Attacks_AreTheirTexts()
    {
        using var student = nn.Linear(2, 3);
        var (train, other, selection) = (TrainingWorld.Pgd(1), TrainingWorld.Pgd(2), TrainingWorld.Pgd(3));
        var loss = new ArdLoss(new() { TeacherData = TeacherData.RobustAdversarial });
        var options = new TrainerOptions { Crafting = new OwnCrafting(train) { TrainMode = true }, Schedule = new CosineSchedule(), Epochs = 12 };
        var one = RunIdentity.Of(TrainingWorld.Setup(options, loss, student), _data, null);
        one["Crafting"].Should().Be($"images adversarial to student: {StatedIdentity.Of(train)}, batch norm in train mode; images adversarial to teacher: {StatedIdentity.Of(train)}, batch norm in eval mode");
        one["Schedule"].Should().Be("CosineSchedule { Final = 0 } over 12 epochs");
        var crafting = options.Crafting with { Attacks = options.Crafting.Attacks.Add(ImageSource.AdversarialTo(NetworkRole.Teacher), other) };
        var two = RunIdentity.Of(TrainingWorld.Setup(options with { Crafting = crafting, SelectionAttack = selection }, loss, student), _data, null);
        two["Crafting"].Should().Be($"images adversarial to student: {StatedIdentity.Of(train)}, batch norm in train mode; images adversarial to teacher: {StatedIdentity.Of(other)}, batch norm in eval mode");
        two["SelectionAttack"].Should().Be(StatedIdentity.Of(selection));
    }

    [Fact]
    public void Of_NetworkThatAnAttackAsks_IsComparedByItsWeightsUnlessTheRunKeepsThem()
    {
        using var student = nn.Linear(2, 3);
        using var teacher = nn.Linear(2, 3);
        using var stranger = nn.Linear(2, 3);
        using var around = nn.Sequential(("inner", student));
        using var kept = nn.Linear(2, 3);
        var loss = new Keeping(kept);
        string Crafting(IModule asked)
        {
            var attack = new PgdAttack(ThreatModel.Linf(0.1), new PgdOptions { Loss = AttackLoss.KlToTeacher(asked) });
            return RunIdentity.Of(
                TrainingWorld.Setup(new TrainerOptions { Crafting = new OwnCrafting(attack) }, loss, student, teacher), _data, null)["Crafting"];
        }
        void Moves(nn.Module<Tensor, Tensor> asked, nn.Module<Tensor, Tensor> changed, bool counts)
        {
            var before = Crafting(asked);
            using (no_grad()) changed.parameters().First().add_(1);
            (Crafting(asked) != before).Should().Be(counts);
        }
        Moves(stranger, stranger, counts: true);
        Crafting(stranger).Should().EndWith($", {Fingerprint.Of(stranger)}, batch norm in eval mode");
        Moves(teacher, teacher, counts: false);
        Moves(student, student, counts: false);
        Moves(around, student, counts: false);
        Moves(kept, kept, counts: false);
    }

    [Fact]
    public void Of_NetworkThatTheLossKeepsInPart_IsComparedByTheRest()
    {
        using var student = nn.Linear(2, 3);
        using var kept = nn.Linear(2, 3);
        using var frozen = nn.Linear(3, 3);
        using var teacher = nn.Sequential(("kept", kept), ("frozen", frozen));
        string Teacher() => RunIdentity.Of(TrainingWorld.Setup(TrainingWorld.Options(), new Keeping(kept), student, teacher), _data, null)["teacher"];
        var before = Teacher();
        before.Should().Contain("kept by the loss, the rest ");
        using (no_grad()) kept.bias!.add_(1);
        Teacher().Should().Be(before, "what the loss trains is in the checkpoints");
        using (no_grad()) frozen.bias!.add_(1);
        Teacher().Should().NotBe(before);
    }

    [Fact]
    public void Of_ModelsAndData_AreTheirFingerprints()
    {
        using var student = nn.Linear(2, 3);
        using var teacher = TrainingWorld.Network(1);
        using var standard = TrainingWorld.Network(2);
        using var validation = TrainingWorld.Data(6, seed: 2);
        Dictionary<string, string> Of() => RunIdentity.Of(TrainingWorld.Setup(new(), new ArdLoss(), student, teacher, standard), _data, validation);
        var identity = Of();
        identity["teacher"].Should().Be(Fingerprint.Of(teacher));
        identity["standard teacher"].Should().Be(Fingerprint.Of(standard)).And.NotBe(identity["teacher"]);
        identity["training set"].Should().Be(_data.Fingerprint());
        identity["validation set"].Should().Be(validation.Fingerprint()).And.NotBe(identity["training set"]);
        student.bias!.requires_grad = false;
        var frozen = Of();
        identity.Keys.Where(key => frozen[key] != identity[key]).Should().Equal(["student"], "what is not trained is another run");
        student.weight!.requires_grad = false;
        Of()["student"].Should().NotBe(frozen["student"]);
    }

    [Fact]
    public void Write_OfACheckpoint_RunsItAndNamesTheFileWhereItFails()
    {
        var written = 0;
        CheckpointFiles.Write("somewhere", () => written++);
        written.Should().Be(1);
        foreach (var fault in new Exception[] { new IOException("full"), new UnauthorizedAccessException("closed") })
            FluentActions.Invoking(() => CheckpointFiles.Write("somewhere", () => throw fault))
                .Should().Throw<IOException>().WithMessage($"*'somewhere'*{fault.Message}*CheckpointDirectory*").Which.InnerException.Should().BeSameAs(fault);
        FluentActions.Invoking(() => CheckpointFiles.Write("somewhere", () => throw new InvalidOperationException("other")))
            .Should().Throw<InvalidOperationException>().WithMessage("other");
    }

    private sealed class Keeping(nn.Module network) : IDistillationLoss
    {
        public string Name => "keeping";

        public DistillationNeeds Needs { get; } = new() { Passes = [NetworkPass.StudentAdversarial] };

        public nn.Module Trainable => network;

        public LossTerms Compute(DistillationInputs inputs) => throw new NotSupportedException();

        public override string ToString() => Name;
    }
}
