using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Tests;

public sealed class FitNetsLossTests
{
    [Theory]
    [InlineData(false, FeatureInput.Clean)]
    [InlineData(true, FeatureInput.Clean)]
    [InlineData(false, FeatureInput.Adversarial)]
    public void Compute_StageOne_IsHalfTheSquaredDistanceOfTheLayers(bool mean, FeatureInput input)
    {
        using var scope = NewDisposeScope();
        var inputs = LossData.All(3) with { Epoch = 19 };
        var student = (input == FeatureInput.Clean ? inputs.StudentClean : inputs.StudentAdversarial)!;
        double Distance(int layer)
        {
            var (a, b) = (TensorAssert.Values(student.Features[layer]), TensorAssert.Values(inputs.TeacherClean!.Features[layer]));
            return 0.5 * a.Zip(b, (s, t) => (s - t) * (s - t)).Sum() / 3 / (mean ? a.Length / 3 : 1);
        }

        var loss = new FitNetsLoss(new() { Layers = ["layer*"], MeanOverElements = mean, Input = input });
        var terms = loss.Compute(inputs);
        terms.Total.ToDouble().Should().BeApproximately(Distance(0) + Distance(1), 1e-10);
        terms.Parts.Keys.Should().BeEquivalentTo("hint", "hint/layer1", "hint/layer2");
        terms.Parts["hint/layer2"].ToDouble().Should().BeApproximately(Distance(1), 1e-10);
        loss.Needs.Passes.Should().BeEquivalentTo([NetworkPass.TeacherClean, input == FeatureInput.Clean ? NetworkPass.StudentClean : NetworkPass.StudentAdversarial]);
    }

    [Fact]
    public void Compute_StageTwo_IsKnowledgeDistillation()
    {
        using var scope = NewDisposeScope();
        var inputs = LossData.All(4) with { LabelSmoothing = 0.1 };
        var kd = new KdLossOptions { Alpha = 0.3, Temperature = 3 };
        var loss = new FitNetsLoss(new() { HintEpochs = 2, Distillation = kd });
        LossData.Value(loss, inputs with { Epoch = 2 }).Should().Be(LossData.Value(new KdLoss(kd), inputs));
        LossData.Value(loss, inputs with { Epoch = 1 }).Should().NotBe(LossData.Value(new KdLoss(kd), inputs));
        LossData.Value(new FitNetsLoss(new() { HintEpochs = 0, Distillation = kd }), inputs).Should().Be(LossData.Value(new KdLoss(kd), inputs));
        var adversarial = new FitNetsLoss(new() { HintEpochs = 0, Distillation = kd, Input = FeatureInput.Adversarial });
        LossData.Value(adversarial, inputs).Should().Be(LossData.Value(new KdLoss(kd), inputs with { StudentClean = inputs.StudentAdversarial }));
    }

    [Fact]
    public void Compute_Gradient_AgreesWithFiniteDifferencesInBothStages()
    {
        using var scope = NewDisposeScope();
        var inputs = LossData.All(2);
        var loss = new FitNetsLoss(new() { Layers = ["layer*"], Adapters = LossCases.Adapters(), HintEpochs = 1 });
        var clean = inputs.StudentClean!;
        GradientCheck.Agrees(map => loss.Compute(inputs with { StudentClean = new(clean.Output, LossData.Named(map, clean.Features[1])) }).Total, clean.Features[0], 1e-7);
        GradientCheck.Agrees(logits => loss.Compute(inputs with { Epoch = 1, StudentClean = new(logits, clean.Features) }).Total, clean.Output, 1e-7);
    }

    [Fact]
    public void Options_DefaultsRangesAndText()
    {
        var options = new FitNetsLossOptions();
        options.Layers.Should().Equal("layer2");
        (options.TeacherLayers is null, options.Adapters is null, options.HintEpochs, options.Input, options.MeanOverElements).Should().Be((true, true, 20, FeatureInput.Clean, false));
        options.Distillation.Should().Be(new KdLossOptions());
        void Refused(FitNetsLossOptions wrong, string message) => FluentActions.Invoking(() => new FitNetsLoss(wrong)).Should().Throw<ArgumentException>().WithMessage($"*{message}*");
        Refused(new() { HintEpochs = -1 }, "HintEpochs");
        Refused(new() { Layers = [] }, "Layers");
        Refused(new() { TeacherLayers = [] }, "TeacherLayers");
        Refused(new() { Input = (FeatureInput)9 }, "Input");
        Refused(new() { Distillation = null! }, "Distillation");
        Refused(new() { Distillation = new() { Alpha = 2 } }, "Alpha");
        Refused(new() { Distillation = new() { Temperature = 0 } }, "Temperature");
        new[]
        {
            options, options with { Layers = ["a"] }, options with { TeacherLayers = ["a"] }, options with { HintEpochs = 3 }, options with { Distillation = new() { Alpha = 0.5 } },
            options with { Input = FeatureInput.Adversarial }, options with { MeanOverElements = true }, options with { Adapters = FeatureAdapters.Create([[1]], [[2]]) },
        }.Select(each => new FitNetsLoss(each).ToString()).Should().OnlyHaveUniqueItems();
    }

    [Fact]
    public void Compute_MapsThatDoNotFit_SaysWhatIsMissing()
    {
        using var scope = NewDisposeScope();
        var inputs = LossData.All(2);
        FluentActions.Invoking(() => new FitNetsLoss().Compute(inputs with { StudentClean = new(inputs.StudentClean!.Output) })).Should().Throw<ArgumentException>().WithMessage("*no feature maps*");
        FluentActions.Invoking(() => new FitNetsLoss().Compute(inputs with { TeacherClean = new(inputs.TeacherClean!.Output) })).Should().Throw<ArgumentException>().WithMessage("*teacher 0*");
    }
}
