using Ardir.Core;
using TorchSharp.Modules;

namespace Ardir.Tests;

/// <summary>What a frozen tap changes it gives back.</summary>
public sealed class FrozenTapTests
{
    [Fact]
    public void Dispose_GivesEachModuleItsModeBack()
    {
        using var scope = NewDisposeScope();
        using var teacher = TinyModels.Smooth();
        teacher.train();
        var norm = (BatchNorm2d)teacher.children().ElementAt(1);
        norm.eval();   // frozen by its owner
        var before = Modes(teacher);
        using (var tap = FeatureTap.AttachFrozen(teacher, "bn"))
        {
            Modes(teacher).Should().OnlyContain(training => !training);
            tap.Forward(TinyModels.Images(2));
            teacher.train();
            tap.Forward(TinyModels.Images(2));
            Modes(teacher).Should().OnlyContain(training => !training);
            tap.Dispose();
            Modes(teacher).Should().Equal(before);
            teacher.eval();
        }
        Modes(teacher).Should().OnlyContain(training => !training, "a second disposal changes nothing");
    }

    [Fact]
    public void Dispose_ModelThatWasInEvalMode_StaysSo()
    {
        using var scope = NewDisposeScope();
        using var teacher = TinyModels.Smooth();
        teacher.eval();
        using (FeatureTap.AttachFrozen(teacher)) teacher.train();
        teacher.training.Should().BeTrue("the owner did that, after there was nothing to give back");
    }

    [Fact]
    public void Dispose_InnerTapFirst_EndsWhereItBegan()
    {
        using var scope = NewDisposeScope();
        using var teacher = TinyModels.Smooth();
        teacher.train();
        using (FeatureTap.AttachFrozen(teacher))
        using (FeatureTap.AttachFrozen(teacher, "conv")) teacher.training.Should().BeFalse();
        Modes(teacher).Should().OnlyContain(training => training);
    }

    [Fact]
    public void Tap_LeavesGradientFlagsAlone()
    {
        using var scope = NewDisposeScope();
        using var teacher = TinyModels.Smooth();
        teacher.parameters().First().requires_grad = false;
        bool[] Flags() => [.. teacher.parameters().Select(parameter => parameter.requires_grad)];
        var before = Flags();
        before.Distinct().Should().HaveCount(2);
        using (var tap = FeatureTap.AttachFrozen(teacher, "conv"))
        {
            tap.Forward(TinyModels.Images(2));
            Flags().Should().Equal(before);
        }
        Flags().Should().Equal(before);
    }

    [Fact]
    public void Dispose_AfterTheModel_Works()
    {
        var teacher = TinyModels.Smooth();
        teacher.train();
        var tap = FeatureTap.AttachFrozen(teacher);
        teacher.Dispose();
        tap.Invoking(t => t.Dispose()).Should().NotThrow();
    }

    [Fact]
    public void ListLayers_TellsTheTypeOfEachModule()
    {
        using var model = nn.Sequential(
            ("bn", nn.BatchNorm2d(2)), ("flat", nn.BatchNorm1d(2)), ("deep", nn.BatchNorm3d(2)), ("norm", nn.InstanceNorm2d(2)), ("own", new FuncModel(x => x)), ("list", nn.Sequential(("act", nn.ReLU()))));
        FeatureTap.ListLayers(model).ToString().Split('\n').Should().Equal(
            "Sequential: 7 layers can be tapped", "bn        BatchNorm2d", "flat      BatchNorm1d", "deep      BatchNorm3d", "norm      InstanceNorm2d", "own       FuncModel", "list      Sequential",
            "list.act  ReLU");
    }

    private static bool[] Modes(nn.Module model) => [.. model.modules().Prepend(model).Select(module => module.training)];
}
