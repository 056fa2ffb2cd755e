using Ardir.Attacks;
using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>What the parts of losses refuse, and by which name.</summary>
public sealed class LossArgumentTests
{
    [Fact]
    public void Parts_ThatAreNull_AreNamed()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Smooth();
        var (map, labels) = (ones(1, 2), tensor([0L]));
        void Named(string name, Action act) => act.Should().Throw<ArgumentNullException>(name).WithParameterName(name);
        Named("attack", () => _ = new OwnCrafting(null!));
        Named("threat", () => _ = new PrescribedCrafting(null!));
        Named("value", () => _ = new DistillationInputs { Labels = labels, Outputs = null! });
        Named("images", () => new AdversarialTrainingLoss().Needs.MaximizationOf(null!));
        Named("model", () => FeatureAdapters.ShapesOf(null!, [1, 4, 4], ["act"]));
        Named("imageShape", () => FeatureAdapters.ShapesOf(model, null!, ["act"]));
        Named("layers", () => FeatureAdapters.ShapesOf(model, [1, 4, 4], null!));
        Named("student", () => FeatureDistance.Squared(null!, map, FeatureNormalization.UnitChannel));
        Named("teacher", () => FeatureDistance.Squared(map, null!, FeatureNormalization.UnitChannel));
        Named("network", () => ImageSource.AdversarialTo(null!));
        Named("view", () => ImageSource.AdversarialTo(NetworkRole.Student, null!));
        foreach (var reduction in Enum.GetValues<KlReduction>()) Named("perSample", () => KlDivergence.Reduce(null!, 2, reduction));
        Named("inputs", () => LossGuard.SameLogits(null!, ("first", map)));
        Named("student", () => LossGuard.SameShape(null!, map, "maps"));
        Named("teacher", () => LossGuard.SameShape(map, null!, "maps"));
        Named("values", () => LossPrecision.AtLeastSingle(null!));
        Named("name", () => new LossTermsBuilder().AddPart(null!, map));
        Named("value", () => new LossTermsBuilder().AddPart("part", null!));
        Named("Kl", () => _ = new ArdLoss(new() { Kl = null! }));
        Named("Kl", () => _ = new ArdirLoss(new() { Kl = null! }));
        Named("Features", () => _ = new ArdirLoss(new() { Features = null! }));
        Named("teacherLogits", () => SoftLabels.Of(null!, labels, 1, LabelReplacement.None));
        Named("labels", () => SoftLabels.Of(map, null!, 1, LabelReplacement.None));
        using var teacher = TinyModels.Smooth(seed: 3);
        Named("inputs", () => new ArdirAttackLoss(model, teacher, new() { Beta = 0 }).Prepare(null!));
    }

    [Theory]
    [InlineData("Student", "NetworkRole.Student")]
    [InlineData(" teacher", "NetworkRole.Teacher")]
    [InlineData("STANDARD TEACHER", "NetworkRole.StandardTeacher")]
    public void Role_NamedAlmostLikeAKnownOne_IsRefused(string name, string meant) => FluentActions.Invoking(() => new NetworkRole(name))
        .Should().Throw<ArgumentException>().WithMessage($"*{meant}*").WithParameterName(nameof(name));

    [Fact]
    public void Inputs_SharedModules_AreNamedByThePassThatIsNotTheStudents()
    {
        using var scope = NewDisposeScope();
        using var model = TrainingWorld.Network(1);
        using var studentTap = FeatureTap.Attach(model, "layer*");
        using var teacherTap = FeatureTap.AttachFrozen(model, "layer*");
        var images = TinyModels.Random([2, 1, 8, 8], 1, ScalarType.Float32);
        var (own, shared) = (studentTap.Forward(images), teacherTap.Forward(images));
        var inputs = new DistillationInputs { Labels = tensor([0L, 1L]) };
        Func<object>[] ways =
        [
            () => inputs with { StudentClean = own, TeacherClean = shared },
            () => inputs with { TeacherClean = shared, StudentClean = own },
            () => inputs with { Outputs = new Dictionary<NetworkPass, TappedOutput> { [NetworkPass.StudentClean] = own, [NetworkPass.TeacherClean] = shared } },
        ];
        foreach (var way in ways) way.Should().Throw<ArgumentException>().WithParameterName("teacher on clean images");
        (inputs with { StudentClean = own, StudentAdversarial = own }).StudentAdversarial.Should().BeSameAs(own, "the student may share with itself");
    }

    [Fact]
    public void Ardir_ClassesThatDiffer_AreRefusedInAnAttack()
    {
        using var scope = NewDisposeScope();
        var (student, labels) = (LossData.Pass(2, 1), tensor([0L, 1L]));
        var teacher = new TappedOutput(LossData.Logits(2, 3, classes: 4), student.Features);
        FluentActions.Invoking(() => new ArdirLoss().PerSample(student, teacher, labels))
            .Should().Throw<ArgumentException>().WithMessage("logits: the student has shape [2,5] and the teacher [2,4]*");
    }

    [Fact]
    public void Ardir_OptionsThatThePaperDiscards_AreWarnedOf()
    {
        string[] Of(ArdirLossOptions options) => [.. new ArdirLoss(options).Warnings];
        Of(new()).Should().BeEmpty();
        Of(new() { Beta = 0 }).Should().BeEmpty();
        Of(new() { Beta = 1 }).Should().ContainSingle().Which.Should().StartWith("Beta is 1");
        Of(new() { TeacherData = TeacherData.RobustAdversarial }).Should().BeEmpty();
        Of(new() { TeacherData = TeacherData.CleanAdversarial }).Should().ContainSingle().Which.Should().StartWith("TeacherData.CleanAdversarial");
    }

    [Fact]
    public void BlockZeroPositions_EnergyAtTheFloor_StillCounts()
    {
        using var scope = NewDisposeScope();
        double Squared(params double[] student) => FeatureDistance.Squared(
            tensor(student, [1, 2]), zeros([1, 2], ScalarType.Float64), FeatureNormalization.UnitChannel, blockZeroPositions: true).ToDouble();
        // 6e-6 squared and 8e-6 squared are the floor of 1e-10 to the last bit, which is added once more below the root.
        (6e-6 * 6e-6 + 8e-6 * 8e-6).Should().Be(1e-10);
        Squared(6e-6, 8e-6).Should().BeApproximately(0.5, 1e-12);
        Squared(6e-6, 7.9e-6).Should().Be(0);
    }
}
