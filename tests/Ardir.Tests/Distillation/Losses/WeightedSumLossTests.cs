using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Tests;

public sealed class WeightedSumLossTests
{
    [Fact]
    public void Compute_ValueAndGradient_AreTheWeightedSums()
    {
        using var scope = NewDisposeScope();
        var inputs = LossData.All(4) with { LabelSmoothing = 0.1, Epoch = 50 };
        (double, IDistillationLoss)[] terms = [(0.3, new MartLoss()), (2, new IadTwoTeacherLoss()), (1, new ArdirLoss(new() { TeacherData = TeacherData.RobustAdversarial }))];
        var sum = new WeightedSumLoss(terms);
        LossData.Value(sum, inputs).Should().BeApproximately(terms.Sum(term => term.Item1 * LossData.Value(term.Item2, inputs)), 1e-12);
        GradientCheck.Agrees(logits => sum.Compute(inputs with { StudentAdversarial = new(logits, inputs.StudentAdversarial!.Features) }).Total, inputs.StudentAdversarial!.Output, 1e-7);
        sum.Needs.Passes.Should().BeEquivalentTo([NetworkPass.StudentClean, NetworkPass.StudentAdversarial, NetworkPass.TeacherAdversarial, NetworkPass.TeacherOnStudentAdversarial, NetworkPass.StandardTeacherOnStudentAdversarial]);
        sum.Name.Should().Be("MART + IAD-II + ARDIR");
    }

    [Fact]
    public void Compute_EachTerm_SeesItsOwnPassesAndLayersInItsOwnOrder()
    {
        using var scope = NewDisposeScope();
        using var model = PreActResNet.Create(new() { InputChannels = 1, Classes = 3, Widths = [2, 3, 4], BlocksPerStage = 1, Seed = 1 });
        using var other = PreActResNet.Create(new() { InputChannels = 1, Classes = 3, Widths = [2, 3, 4], BlocksPerStage = 1, Seed = 1 });
        var seen = new List<string>();
        OwnLoss Watching(NetworkPass[] passes, string[] student, string[] teacher) => new(inputs =>
        {
            string Text(TappedOutput? pass) => pass is null ? "-" : $"[{string.Join(" ", pass.Features.Layers)}]";
            seen.Add(string.Join(", ", LossData.Passes(inputs).Select(Text)));
            return new LossTerms(inputs.StudentClean!.Output.sum());
        }) { Needs = new() { Passes = [.. passes], StudentLayers = student, TeacherLayers = teacher } };
        var sum = new WeightedSumLoss(
            (1, Watching([NetworkPass.StudentClean], ["layer3", "layer1"], ["layer2"])),
            (1, Watching([NetworkPass.StudentClean, NetworkPass.TeacherClean, NetworkPass.TeacherOnStudentAdversarial], ["layer*"], ["layer?", "conv1"])),
            (1, Watching([NetworkPass.StudentClean, NetworkPass.StandardTeacherOnStudentAdversarial], [], [])));
        sum.Needs.StudentLayers.Should().Equal("layer3", "layer1", "layer*");
        using var studentTap = FeatureTap.Attach(model, [.. sum.Needs.StudentLayers]);
        using var teacherTap = FeatureTap.AttachFrozen(other, [.. sum.Needs.TeacherLayers]);
        var images = TinyModels.Random([2, 1, 8, 8], 1, ScalarType.Float32);
        var (student, teacher) = (studentTap.Forward(images), teacherTap.Forward(images));
        // The united tap gives layer3, layer1, layer2: not the order in which a tap with "layer*" alone would.
        student.Features.Layers.Should().Equal("layer3", "layer1", "layer2");
        sum.Compute(new()
        {
            Labels = zeros(2, dtype: ScalarType.Int64), StudentClean = student, StudentAdversarial = student, TeacherClean = teacher, TeacherAdversarial = teacher,
            TeacherOnStudentAdversarial = teacher, StandardTeacherOnStudentAdversarial = teacher,
        });
        seen.Should().Equal(
            "[layer3 layer1], -, -, -, -, -",
            "[layer1 layer2 layer3], -, [layer1 layer2 layer3 conv1], -, [layer1 layer2 layer3 conv1], -",
            "[], -, -, -, -, []");
        student.Features.Should().OnlyContain(map => !map.IsInvalid, "the views of the terms own nothing");
    }

    [Fact]
    public void Select_ElementOfALayer_IsAnotherFeatureThanTheLayer()
    {
        using var scope = NewDisposeScope();
        var maps = new FeatureMaps([("a", zeros(1)), ("a[1]", zeros(1)), ("a[2]", zeros(1)), ("b.a", zeros(1))]);
        maps.Select(["a"]).Layers.Should().Equal("a");
        maps.Select(["a*"]).Layers.Should().Equal("a");
        maps.Select(["*[1]"]).Layers.Should().Equal("a[1]");
        maps.Select(["**"]).Layers.Should().Equal("a", "b.a");
        maps.Select(["b.*", "a[2]", "**"]).Layers.Should().Equal("b.a", "a[2]", "a");
        maps.Select([]).Should().BeEmpty();
    }

    [Fact]
    public void Compute_PartsThatCollide_ArePrefixedWithTheirLoss()
    {
        using var scope = NewDisposeScope();
        var inputs = LossData.All(3);
        string[] Parts(params IDistillationLoss[] losses) => [.. new WeightedSumLoss([.. losses.Select(loss => (1.0, loss))]).Compute(inputs).Parts.Keys];
        Parts(new TradesLoss(), new KlDivergenceLoss()).Should().BeEquivalentTo("ce", "self-kl", "kl", "replaced");
        Parts(new TradesLoss(), new MartLoss()).Should().BeEquivalentTo("TRADES/ce", "MART/ce", "TRADES/self-kl", "MART/self-kl", "margin");
        Parts(new ArdLoss(), new ArdLoss(new() { Kl = new() { Temperature = 30 } }), new RsladLoss())
            .Should().BeEquivalentTo("ARD1/kl", "ARD1/replaced", "ARD2/kl", "ARD2/replaced", "RSLAD/kl", "kl/clean");
        var terms = new WeightedSumLoss((3, new TradesLoss()), (1, new MartLoss())).Compute(inputs);
        terms.Parts["MART/ce"].ToDouble().Should().BeApproximately(LossReference.CrossEntropy(inputs.StudentAdversarial!.Output, inputs.Labels), 1e-12);
        terms.Parts["TRADES/ce"].ToDouble().Should().BeApproximately(LossReference.CrossEntropy(inputs.StudentClean!.Output, inputs.Labels), 1e-12, "parts are before the weight");
    }

    [Fact]
    public void Needs_InnerMaximization_IsTheFirstsThatAttacksUnlessSet()
    {
        var (trades, mart) = (new TradesLoss(), new MartLoss());
        new WeightedSumLoss((1, new StandardTrainingLoss()), (1, mart), (1, trades)).Needs.InnerMaximization.Should().Be(mart.Needs.InnerMaximization);
        new WeightedSumLoss((1, new StandardTrainingLoss())).Needs.InnerMaximization.Should().Be(InnerMaximization.Default);
        var own = new InnerMaximization { Steps = 3 };
        var sum = new WeightedSumLoss((1, trades), (1, mart)) { Inner = own };
        sum.Needs.InnerMaximization.Should().Be(own);
        sum.Needs.Passes.Should().BeEquivalentTo(trades.Needs.Passes);
        new WeightedSumLoss((1, trades)) { Inner = null }.Needs.InnerMaximization.Should().Be(trades.Needs.InnerMaximization);
    }

    [Fact]
    public void Needs_ImagesOfOneTermOnly_AreCraftedAsThatTermSays()
    {
        var view = ImageSource.AdversarialTo(NetworkRole.Student, "second");
        var second = new OwnLoss(null!)
        {
            Needs = new() { Passes = [new(NetworkRole.Student, view), NetworkPass.TeacherAdversarial], InnerMaximization = new() { Steps = 3 } },
        };
        var (trades, ard) = (new TradesLoss(), new ArdLoss(new() { TeacherData = TeacherData.RobustAdversarial }));
        InnerMaximization Of(ImageSource images, params IDistillationLoss[] losses) =>
            new WeightedSumLoss([.. losses.Select(loss => (1.0, loss))]).Needs.MaximizationOf(images);
        var toTeacher = ImageSource.AdversarialTo(NetworkRole.Teacher);
        Of(view, trades, second).Steps.Should().Be(3);
        Of(toTeacher, trades, ard).Should().Be(ard.Needs.MaximizationOf(toTeacher));
        Of(ImageSource.Adversarial, trades, ard, second).Should().Be(trades.Needs.InnerMaximization);
        var settled = new WeightedSumLoss((1, trades), (1, second)) { Inner = new() { Steps = 5 } };
        settled.Needs.MaximizationOf(view).Steps.Should().Be(5);
        settled.Needs.MaximizationOf(ImageSource.Adversarial).Steps.Should().Be(5);
    }

    [Fact]
    public void Warnings_TermsThatPrescribeDifferentAttacks_NameTheOneThatIsNotFollowed()
    {
        new WeightedSumLoss((1, new TradesLoss()), (1, new MartLoss())).Warnings
            .Should().ContainSingle().Which.Should().Contain("images adversarial to student").And.Contain("MART").And.Contain("Inner");
        new WeightedSumLoss((1, new TradesLoss()), (1, new MartLoss())) { Inner = new() }.Warnings.Should().BeEmpty();
        new WeightedSumLoss((1, new TradesLoss()), (1, new TradesLoss(new() { Beta = 1 })), (1, new StandardTrainingLoss())).Warnings.Should().BeEmpty();
    }

    [Fact]
    public void Trainable_IsThatOfAllTermsOnce()
    {
        using var adapters = LossCases.Adapters();
        using var other = LossCases.Adapters();
        new WeightedSumLoss((1, new TradesLoss())).Trainable.Should().BeNull();
        var sum = new WeightedSumLoss(
            (1, new LpipsInternalLoss(new() { Adapters = adapters })), (1, new TradesLoss()), (1, new FitNetsLoss(new() { Adapters = other })), (1, new ArdirLoss(new() { Features = new() { Adapters = adapters } })));
        sum.Trainable!.parameters().Should().HaveCount(8);
        sum.Trainable.Should().BeSameAs(sum.Trainable);
    }

    [Fact]
    public void ToString_TermsWeightsAndAttack_ChangeTheText() =>
        new[]
        {
            new WeightedSumLoss((1, new TradesLoss())), new WeightedSumLoss((2, new TradesLoss())), new WeightedSumLoss((1, new TradesLoss(new() { Beta = 1 }))),
            new WeightedSumLoss((1, new TradesLoss()), (1, new MartLoss())), new WeightedSumLoss((1, new TradesLoss())) { Inner = new() { Steps = 3 } },
        }.Select(sum => sum.ToString()).Should().OnlyHaveUniqueItems();

    [Fact]
    public void Constructor_InvalidTerms_AreNamed()
    {
        void Refused<T>(Action create, string message) where T : Exception => create.Should().Throw<T>().WithMessage($"*{message}*");
        Refused<ArgumentException>(() => _ = new WeightedSumLoss(), "at least one term");
        Refused<ArgumentNullException>(() => _ = new WeightedSumLoss(null!), "terms");
        Refused<ArgumentNullException>(() => _ = new WeightedSumLoss((1, null!)), "terms");
        foreach (var weight in new[] { 0, -1, double.NaN, double.PositiveInfinity })
            Refused<ArgumentOutOfRangeException>(() => _ = new WeightedSumLoss((weight, new MartLoss())), "weight of MART");
    }
}
