using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>Losses at the borders: two classes, one sample, features that cancel; and how each objective attacks.</summary>
public sealed class LossEdgeTests
{
    [Fact]
    public void Objectives_AttackAsTheirPapersDo()
    {
        new InnerMaximization().Should().Be(new InnerMaximization
        {
            Objective = InnerObjective.CrossEntropy, Start = RandomStart.Uniform, Steps = 10, StepShare = 0.25, TrainMode = false,
        });
        var inTrainMode = new InnerMaximization { Start = RandomStart.UniformUnclamped, TrainMode = true };
        new ArdLoss().Needs.InnerMaximization.Should().Be(inTrainMode);
        new IadLoss().Needs.InnerMaximization.Should().Be(inTrainMode);
        new IadTwoTeacherLoss().Needs.InnerMaximization.Should().Be(inTrainMode);
        new AdversarialTrainingLoss().Needs.InnerMaximization.Should().Be(new InnerMaximization { TrainMode = true });
        new Akd2Loss().Needs.InnerMaximization.Should().Be(new InnerMaximization { TrainMode = true });
        var step = new InnerMaximization { Start = RandomStart.GaussianUnclamped, StepShare = 0.007 / 0.031 };
        new MartLoss().Needs.InnerMaximization.Should().Be(step);
        new TradesLoss().Needs.InnerMaximization.Should().Be(step with { Objective = InnerObjective.KlToClean });
    }

    [Fact]
    public void Needs_EachPass_AsksForItsNetworksAndImages()
    {
        var (teacher, standard, own) = (NetworkRole.Teacher, NetworkRole.StandardTeacher, new NetworkRole("average"));
        var second = ImageSource.AdversarialTo(NetworkRole.Student, "second");
        var cases = new (NetworkPass Pass, NetworkRole[] Networks, ImageSource[] Crafted)[]
        {
            (NetworkPass.StudentClean, [], []),
            (NetworkPass.StudentAdversarial, [], [ImageSource.Adversarial]),
            (NetworkPass.TeacherClean, [teacher], []),
            (NetworkPass.TeacherAdversarial, [teacher], [ImageSource.AdversarialTo(teacher)]),
            (NetworkPass.TeacherOnStudentAdversarial, [teacher], [ImageSource.Adversarial]),
            (NetworkPass.StandardTeacherOnStudentAdversarial, [standard], [ImageSource.Adversarial]),
            (new(own, ImageSource.Clean), [own], []),
            (new(NetworkRole.Student, ImageSource.AdversarialTo(own)), [own], [ImageSource.AdversarialTo(own)]),
            (new(NetworkRole.Student, second), [], [second]),
        };
        foreach (var (pass, networks, crafted) in cases)
        {
            var needs = new DistillationNeeds { Passes = [pass] };
            needs.Networks.Should().Equal(networks);
            needs.CraftedImages.Should().Equal(crafted);
        }
        var all = new DistillationNeeds { Passes = [.. cases.Select(row => row.Pass).Reverse()] };
        all.Networks.Should().Equal(own, standard, teacher);
        all.CraftedImages.Should().Equal(ImageSource.Adversarial, second, ImageSource.AdversarialTo(own), ImageSource.AdversarialTo(teacher));
    }

    [Fact]
    public void Keys_OfEqualNames_AreEqualAndReadAsEnglish()
    {
        new NetworkRole("teacher").Should().Be(NetworkRole.Teacher);
        FluentActions.Invoking(() => new NetworkRole(" ")).Should().Throw<ArgumentException>();
        ImageSource.AdversarialTo(NetworkRole.Student).Should().Be(ImageSource.Adversarial).And.NotBe(ImageSource.AdversarialTo(NetworkRole.Student, "second"));
        $"{NetworkPass.TeacherClean}".Should().Be("teacher on clean images");
        $"{new NetworkPass(new("average"), ImageSource.AdversarialTo(NetworkRole.Student, "second"))}".Should().Be("average on images adversarial to student (second)");
    }

    [Fact]
    public void Needs_Layers_AreThoseOfTheirNetwork()
    {
        var own = new NetworkRole("average");
        var needs = new DistillationNeeds { Passes = [NetworkPass.StudentClean], StudentLayers = ["a"], TeacherLayers = [] };
        (needs with { Layers = needs.Layers.Add(own, ["b"]) }).LayersOf(own).Should().Equal("b");
        needs.LayersOf(NetworkRole.Student).Should().Equal("a");
        needs.LayersOf(own).Should().BeEmpty();
        needs.Layers.Keys.Should().Equal([NetworkRole.Student], "an empty list is no entry");
        var (inner, second) = (new InnerMaximization { Objective = InnerObjective.KlToClean, Steps = 3 }, ImageSource.AdversarialTo(NetworkRole.Student, "second"));
        needs = needs with { InnerMaximization = inner, InnerMaximizations = needs.InnerMaximizations.Add(second, InnerMaximization.Default) };
        needs.MaximizationOf(ImageSource.Adversarial).Should().Be(inner);
        needs.MaximizationOf(second).Should().Be(InnerMaximization.Default);
        needs.MaximizationOf(ImageSource.AdversarialTo(NetworkRole.Teacher)).Should().Be(inner with { Objective = InnerObjective.CrossEntropy });
        new FitNetsLoss(new() { Layers = ["a"], TeacherLayers = ["b"] }).Needs.TeacherLayers.Should().Equal("b");
        new FitNetsLoss(new() { Layers = ["a"] }).Needs.TeacherLayers.Should().Equal("a");
    }

    [Fact]
    public void Kl_OneSampleOfTwoClasses_IsTheFormula()
    {
        using var scope = NewDisposeScope();
        var (student, teacher) = (tensor(new[] { 0.0, 0 }, [1, 2]), tensor(new[] { Math.Log(3), 0 }, [1, 2]));
        // KL of (3/4, 1/4) from (1/2, 1/2), without temperature and replacement.
        var loss = new KlDivergenceLoss(new() { Temperature = 1, LabelReplacement = LabelReplacement.None });
        var expected = 0.75 * Math.Log(1.5) + 0.25 * Math.Log(0.5);
        loss.Compute(student, teacher, tensor([0L])).Total.ToDouble().Should().BeApproximately(expected, 1e-12);
        FluentActions.Invoking(() => loss.Compute(zeros(0, 2), zeros(0, 2), zeros(0, ScalarType.Int64)))
            .Should().Throw<ArgumentException>().WithMessage("*at least one sample*");
        FluentActions.Invoking(() => loss.Compute(zeros(1, 1), zeros(1, 1), tensor([0L])))
            .Should().Throw<ArgumentException>().WithMessage("*studentLogits*two classes*");
        FluentActions.Invoking(() => loss.Compute(student, zeros(1), tensor([0L])))
            .Should().Throw<ArgumentException>().WithMessage("*teacherLogits has shape*");
    }

    [Fact]
    public void SquaredDistance_ChannelsThatCancelOrAreZero_AreDividedByTheFloor()
    {
        using var scope = NewDisposeScope();
        Tensor Map(params double[] values) => tensor(values, [1, 1, values.Length]);
        double Distance(Tensor student, Tensor teacher, FeatureNormalization how) =>
            FeatureDistance.Squared(student, teacher, how).ToDouble();
        // A sum of zero counts as positive: (1, -1) becomes (h, -h) with h = 1 / (2 * 1e-6); the teacher's (1, 3) becomes (1/4, 3/4).
        const double H = 0.5e6;
        var cancels = ((H - 0.25) * (H - 0.25) + (H + 0.75) * (H + 0.75)) / 2;
        Distance(Map(1, -1), Map(1, 3), FeatureNormalization.SpatialSum).Should().BeApproximately(cancels, 1e-3);
        // A negative sum divides with its sign: (-1, -3) becomes (1/4, 3/4), too.
        Distance(Map(-1, -3), Map(1, 3), FeatureNormalization.SpatialSum).Should().BeApproximately(0, 1e-12);
        Distance(Map(0, 0), Map(1, 3), FeatureNormalization.SpatialL1).Should().BeApproximately((0.0625 + 0.5625) / 2, 1e-12);
        // Below the floor of 2e-6: (1e-7, 1e-7) becomes (0.05, 0.05).
        Distance(Map(1e-7, 1e-7), Map(1, 3), FeatureNormalization.SpatialL1).Should().BeApproximately((0.04 + 0.49) / 2, 1e-12);
    }

    [Fact]
    public void Ardir_TwoPassForm_TakesLabelsUnsmoothedAndNoPartsThatItHasNot()
    {
        using var scope = NewDisposeScope();
        var (student, teacher) = (LossData.Pass(4, 1), LossData.Pass(4, 2));
        var labels = LossData.HalfWrongLabels(teacher.Output);
        var without = new ArdirLoss();
        without.Compute(student, teacher, labels).Parts.Keys.Should().NotContain("ce");
        var with = new ArdirLoss(new() { CrossEntropyWeight = 0.5 }).Compute(student, teacher, labels);
        var crossEntropy = nn.functional.cross_entropy(student.Output, labels).ToDouble();
        with.Parts["ce"].ToDouble().Should().BeApproximately(crossEntropy, 1e-12);
        (with.Total - without.Compute(student, teacher, labels).Total).ToDouble().Should().BeApproximately(0.5 * crossEntropy, 1e-12);
    }

    [Fact]
    public void IadTwoTeacher_OnceBegun_ReportsTheMeanTrust()
    {
        using var scope = NewDisposeScope();
        var inputs = LossData.All(6);
        var options = new IadTwoTeacherLossOptions { Begin = 0 };
        var terms = new IadTwoTeacherLoss(options).Compute(inputs);
        var log = inputs.TeacherOnStudentAdversarial!.Output.log_softmax(1).gather(1, inputs.Labels.unsqueeze(1));
        terms.Parts["trust"].ToDouble().Should().BeApproximately((log * options.Beta).exp().mean().ToDouble(), 1e-12);
    }

    [Fact]
    public void Weights_ThatCancel_AreNotAllZero()
    {
        new Akd2LossOptions { CrossEntropyWeight = 0.5, StandardWeight = 0.5, RobustWeight = 0 }.Invoking(options => options.Validate())
            .Should().NotThrow();
        new Akd2LossOptions { CrossEntropyWeight = 0.5, StandardWeight = 0, RobustWeight = 0.5 }.Invoking(options => options.Validate())
            .Should().NotThrow();
        new Akd2LossOptions { CrossEntropyWeight = 0, StandardWeight = 0, RobustWeight = 0 }.Invoking(options => options.Validate())
            .Should().Throw<ArgumentException>();
    }

    [Fact]
    public void Logits_OfOtherShapes_AreComparedWithTheFirstPass()
    {
        using var scope = NewDisposeScope();
        var inputs = new DistillationInputs { Labels = tensor([0L, 1]) };
        FluentActions.Invoking(() => LossGuard.SameLogits(inputs, ("first", zeros(2, 3)), ("second", zeros(2, 4)), ("third", zeros(2, 4))))
            .Should().Throw<ArgumentException>().WithMessage("second*first*").WithParameterName("second");
    }

    [Fact]
    public void Arguments_ThatAreNull_AreNamed()
    {
        using var scope = NewDisposeScope();
        var pass = LossData.Pass(2, 1);
        var labels = tensor([0L, 1]);
        using var model = TinyModels.Smooth();
        long[][] shapes = [[3, 4, 4]];
        void Named(string name, Action act) => act.Should().Throw<ArgumentNullException>(name).WithParameterName(name);
        Named("student", () => new ArdirLoss().Compute(null!, pass, labels));
        Named("teacher", () => new ArdirLoss().Compute(pass, null!, labels));
        Named("student", () => new KlDivergenceLoss().Compute(null!, pass, labels));
        Named("teacher", () => new KlDivergenceLoss().Compute(pass, null!, labels));
        Named("student", () => new LpipsInternalLoss().Compute(null!, pass));
        Named("teacher", () => new LpipsInternalLoss().Compute(pass, null!));
        Named("student", () => new LpipsInternalLoss().Distance(null!, pass.Features));
        Named("teacher", () => new LpipsInternalLoss().Distance(pass.Features, null!));
        Named("student", () => new LpipsInternalLoss(new() { Adapters = LossCases.Adapters() }).Distance(null!, pass.Features));
        Named("student", () => LossCases.Adapters().Adapt(null!));
        Named("studentShapes", () => FeatureAdapters.Create(null!, shapes));
        Named("teacherShapes", () => FeatureAdapters.Create(shapes, null!));
        FluentActions.Invoking(() => FeatureAdapters.Create([null!], shapes))
            .Should().Throw<ArgumentException>().WithMessage("*null in the student*");
        FluentActions.Invoking(() => FeatureAdapters.Create(shapes, [null!]))
            .Should().Throw<ArgumentException>().WithMessage("*null in the teacher*");
        Named("student", () => FeatureAdapters.Between(null!, model, [1, 4, 4], ["act"]));
        Named("teacher", () => FeatureAdapters.Between(model, null!, [1, 4, 4], ["act"]));
        Named("imageShape", () => FeatureAdapters.Between(model, model, null!, ["act"]));
        Named("layers", () => FeatureAdapters.Between(model, model, [1, 4, 4], null!));
        Named("total", () => new LossTerms(null!, new Dictionary<string, Tensor>()));
        Named("threat", () => new InnerMaximization().CreateAttack(null!));
    }
}
