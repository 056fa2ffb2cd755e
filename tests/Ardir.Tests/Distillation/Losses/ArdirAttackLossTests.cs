using Ardir.Attacks;
using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Tests;

public sealed class ArdirAttackLossTests
{
    private static readonly ThreatModel _threat = ThreatModel.Linf(0.1);

    public static TheoryData<string, ArdirLossOptions> Options => new()
    {
        { "defaults", new() },
        { "little of the features", new() { Beta = 0.2 } },
        { "masked", new() { Beta = 0.3, MaskFeaturesOfWrongTeacher = true } },
        { "only features", new() { Beta = 1, MaskFeaturesOfWrongTeacher = true } },
        { "only outputs", new() { Beta = 0 } },
        { "warm", new() { Beta = 0.7, Kl = new() { Temperature = 3 } } },
    };

    [Theory, MemberData(nameof(Options))]
    public void Compute_AnyOptions_IsTheTrainingLossOfEverySample(string name, ArdirLossOptions options)
    {
        using var scope = NewDisposeScope();
        using var student = Network(1);
        using var teacher = Network(2);
        var (images, points, labels) = (TinyModels.Random([6, 1, 8, 8], 3), TinyModels.Random([6, 1, 8, 8], 4), TinyModels.Labels(6, 3));
        // The teacher must be right about some and wrong about others, or a mask would not show.
        teacher.eval();
        TensorAssert.Longs((teacher.call(images).argmax(1) == labels).sum())[0].Should().BeInRange(1, 5, name);

        var loss = new ArdirAttackLoss(student, teacher, options);
        student.eval();
        var reference = loss.Prepare(new(student, images));
        var output = loss.Forward(student, points);
        var values = TensorAssert.Values(loss.Compute(new AttackLossInputs(output.Output, labels, null, reference) { Features = output.Features }));

        values.Should().HaveCount(6);
        values.Average().Should().BeApproximately(Loss(student, teacher, options, points, images, labels).ToDouble(), 1e-12);
        for (var i = 0; i < 6; i++)
            values[i].Should().BeApproximately(Loss(student, teacher, options, points[i..(i + 1)], images[i..(i + 1)], labels[i..(i + 1)]).ToDouble(), 1e-12);
    }

    [Theory, MemberData(nameof(Options))]
    public void Perturb_ClimbsExactlyTheTrainingLoss(string name, ArdirLossOptions options)
    {
        using var scope = NewDisposeScope();
        using var student = Network(1);
        using var teacher = Network(2);
        const double Step = 0.03;
        var (images, labels) = (TinyModels.Random([6, 1, 8, 8], 3, low: 0.2, high: 0.8), TinyModels.Labels(6, 3));
        var attack = new PgdAttack(_threat, new PgdOptions { Steps = 5, StepSize = Step, Start = RandomStart.None, Loss = new ArdirAttackLoss(student, teacher, options) });

        var found = attack.Perturb(student, images, labels);

        // The same steps by hand, each along the sign of the training loss's own gradient, cut to the ball.
        var points = images;
        for (var step = 0; step < 5; step++)
        {
            var at = points.detach().clone().requires_grad_();
            Loss(student, teacher, options, at, images, labels).backward(inputs: [at]);
            var delta = (at.detach() + at.grad!.sign() * Step - images).clamp(-0.1, 0.1);
            points = (images + delta).clamp(0, 1);
        }
        TensorAssert.Close(found, points, 1e-12);
        Loss(student, teacher, options, found, images, labels).ToDouble().Should().BeGreaterThan(Loss(student, teacher, options, images, images, labels).ToDouble(), name);
    }

    [Fact]
    public void Gradient_MatchesFiniteDifferences()
    {
        using var scope = NewDisposeScope();
        using var student = Network(1);
        using var teacher = Network(2);
        var (images, labels) = (TinyModels.Random([2, 1, 8, 8], 3), TinyModels.Labels(2, 3));
        var loss = new ArdirAttackLoss(student, teacher);
        var reference = loss.Prepare(new(student, images));
        student.eval();
        GradientCheck.Agrees(
            x =>
            {
                var output = loss.Forward(student, x);
                return loss.Compute(new AttackLossInputs(output.Output, labels, null, reference) { Features = output.Features }).sum();
            },
            TinyModels.Random([2, 1, 8, 8], 4), 1e-5);
    }

    [Fact]
    public void Perturb_LeavesNoTensorAndNoHook()
    {
        using var student = Network(1);
        using var teacher = Network(2);
        using var images = TinyModels.Random([3, 1, 8, 8], 3);
        using var labels = TinyModels.Labels(3, 3);
        var attack = new PgdAttack(_threat, new PgdOptions { Steps = 2, Restarts = 2, Loss = new ArdirAttackLoss(student, teacher) });
        LeakAssert.None(() => attack.Perturb(student, images, labels).Dispose());
    }

    [Fact]
    public void Perturb_AnotherModel_IsRefused()
    {
        using var student = Network(1);
        using var teacher = Network(2);
        using var other = Network(3);
        using var images = TinyModels.Random([3, 1, 8, 8], 3);
        using var labels = TinyModels.Labels(3, 3);
        var attack = new PgdAttack(_threat, new PgdOptions { Loss = new ArdirAttackLoss(student, teacher) });
        var perturb = () => attack.Perturb(other, images, labels);
        perturb.Should().Throw<InvalidOperationException>().WithMessage("*another model*");
    }

    [Fact]
    public void Constructor_FeaturesOfTheCleanImage_AreRefusedBecauseNoAttackChangesThem()
    {
        using var student = Network(1);
        using var teacher = Network(2);
        var create = (double beta) => new ArdirAttackLoss(student, teacher, new() { Beta = beta, FeatureInput = FeatureInput.Clean });
        create.Invoking(c => c(0.5)).Should().Throw<ArgumentException>().WithMessage("*FeatureInput is Clean*FeatureInput.Adversarial*").Which.ParamName.Should().Be("options");
        create.Invoking(c => c(0)).Should().NotThrow("without features there is nothing to ignore");
    }

    [Fact]
    public void CustomEnsembleAndChain_FindWhatTheAttackFindsAlone()
    {
        using var scope = NewDisposeScope();
        using var student = Network(1);
        using var teacher = Network(2);
        student.eval();
        var images = TinyModels.Random([6, 1, 8, 8], 3, low: 0.2, high: 0.8);
        var labels = student.call(images).argmax(1);
        var attack = new PgdAttack(_threat, new PgdOptions { Steps = 3, Loss = new ArdirAttackLoss(student, teacher) });
        var alone = student.call(attack.Perturb(student, images, labels)).argmax(1) == labels;
        foreach (var part in new IAttack[] { attack, new WorstCaseAttack("chain", attack, attack) })
        {
            using var report = new AutoAttack(_threat, new() { Version = AutoAttackVersion.Custom, Attacks = [part], Diagnose = false }).Evaluate(student, images, labels);
            report.Robust.Select(robust => robust ? 1.0 : 0).Should().Equal(TensorAssert.Values(alone));
            report.Attacks[0].SampleBackwards.Should().BeGreaterThanOrEqualTo(3 * 6);
        }
    }

    [Fact]
    public void Forward_ModelThatContainsTheStudent_SeesTheSameFeatures()
    {
        using var scope = NewDisposeScope();
        using var student = Network(1);
        using var teacher = Network(2);
        using var around = new FuncModel(x => student.call(x * 0.5), student);
        student.eval();
        var (images, loss) = (TinyModels.Random([2, 1, 8, 8], 3), new ArdirAttackLoss(student, teacher));
        var (outer, inner) = (loss.Forward(around, images), loss.Forward(student, images * 0.5));
        TensorAssert.Same(outer.Output, inner.Output);
        outer.Features.Layers.Should().Equal(inner.Features.Layers);
        for (var i = 0; i < inner.Features.Count; i++) TensorAssert.Same(outer.Features[i], inner.Features[i]);
    }

    // The student computes in bfloat16 while it is trained and attacked; the loss was made for it before.
    [Fact]
    public void TrainingInBFloat16_CraftsWithTheLoss()
    {
        using var student = TrainingWorld.Network();
        using var teacher = TrainingWorld.Network(2);
        using var data = TrainingWorld.Data();
        var attack = new PgdAttack(ThreatModel.Linf(TrainingWorld.Epsilon), new PgdOptions { Steps = 2, Loss = new ArdirAttackLoss(student, teacher) });
        var options = TrainingWorld.Options(1) with { Crafting = new OwnCrafting(attack), SelectionAttack = attack, Precision = TrainingPrecision.BFloat16 };
        using var trainer = new DistillationTrainer(student, teacher, new ArdirLoss(), options);
        var metrics = trainer.Fit(data, data).Epochs.Should().ContainSingle().Which;
        double.IsFinite(metrics.TrainLoss).Should().BeTrue();
        metrics.RobustAccuracy.Should().NotBeNull();
    }

    [Fact]
    public void Prepare_ImagesInBFloat16_AreShownToTheTeacherInItsOwnType()
    {
        using var scope = NewDisposeScope();
        using var student = Network(1);
        using var teacher = Network(2);
        var images = TinyModels.Random([2, 1, 8, 8], 3, ScalarType.BFloat16);
        var loss = new ArdirAttackLoss(student, teacher);
        TensorAssert.Same(
            loss.Prepare(new AttackLossPreparation(student, images))[0], loss.Prepare(new AttackLossPreparation(student, images.to(ScalarType.Float64)))[0]);
    }

    private static Tensor Loss(PreActResNet student, PreActResNet teacher, ArdirLossOptions options, Tensor points, Tensor clean, Tensor labels)
    {
        student.eval();
        var loss = new ArdirLoss(options);
        using var studentTap = FeatureTap.Attach(student, [.. loss.Needs.StudentLayers]);
        using var teacherTap = FeatureTap.AttachFrozen(teacher, [.. loss.Needs.TeacherLayers]);
        return loss.Compute(studentTap.Forward(points), teacherTap.Forward(clean), labels).Total;
    }

    private static PreActResNet Network(ulong seed)
    {
        var network = PreActResNet.Create(new PreActResNetOptions { InputChannels = 1, Classes = 3, Widths = [3, 4], BlocksPerStage = 1, Seed = seed });
        network.to(ScalarType.Float64);
        return network;
    }
}
