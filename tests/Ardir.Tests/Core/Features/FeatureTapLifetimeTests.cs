using Ardir.Core;
using TorchSharp.Modules;

namespace Ardir.Tests;

public sealed class FeatureTapLifetimeTests
{
    [Fact]
    public void Forward_ManyTimes_HoldsNothing()
    {
        using var model = TapModels.Nested();
        using var images = TinyModels.Images(2, ScalarType.Float64);
        using var tap = FeatureTap.Attach(model, "layer*");
        using var frozen = FeatureTap.AttachFrozen(model, "layer*");
        LeakAssert.None(() => tap.Forward(images).Dispose());
        LeakAssert.None(() => frozen.Forward(images).Dispose());
    }

    [Fact]
    public void Forward_Failing_HoldsNothing()
    {
        using var model = TapModels.Nested();
        using var images = TinyModels.Images(2, ScalarType.Float64);
        using var tap = FeatureTap.Attach(model, "layer*", "layer10[3]");
        LeakAssert.None(() =>
        {
            var act = () => tap.Forward(images);
            act.Should().Throw<InvalidOperationException>();
        });
    }

    [Fact]
    public void Forward_InsideAScope_TheScopeOwnsOutputAndFeatures()
    {
        using var model = TapModels.Nested();
        using var images = TinyModels.Images(2, ScalarType.Float64);
        using var tap = FeatureTap.Attach(model, "layer*");
        TappedOutput tapped;
        using (NewDisposeScope())
        {
            tapped = tap.Forward(images);
            tapped.Features.Should().OnlyContain(map => !map.IsInvalid);
        }
        tapped.Output.IsInvalid.Should().BeTrue();
        tapped.Features.Should().OnlyContain(map => map.IsInvalid);
    }

    [Fact]
    public void Forward_OutsideAnyScope_TheCallerOwnsThem()
    {
        using var model = TapModels.Nested();
        using var images = TinyModels.Images(2, ScalarType.Float64);
        var tap = FeatureTap.Attach(model, "layer1");
        using var tapped = tap.Forward(images);
        tap.Dispose();
        tapped.Features[0].sum().Dispose();
        tapped.Output.IsInvalid.Should().BeFalse();
        images.IsInvalid.Should().BeFalse();
        var act = () => tap.Forward(images);
        act.Should().Throw<ObjectDisposedException>();
        tap.Dispose();
        model.call(images).Dispose();
    }

    [Fact]
    public void Forward_ModelThatReturnsItsInput_LeavesTheCallersTensorAlive()
    {
        using var model = new FuncModel(x => x);
        using var images = TinyModels.Images(2);
        using var tap = FeatureTap.Attach(model);
        tap.Forward(images).Dispose();
        images.IsInvalid.Should().BeFalse();
        tap.Layers.Should().BeEmpty();
    }

    [Fact]
    public void Forward_ModelThatReturnsItsParameter_LeavesTheParameterAlive()
    {
        using var weight = nn.Parameter(ones(2, 3));
        using var model = new FuncModel(_ => weight);
        using var images = TinyModels.Images(2);
        using var tap = FeatureTap.Attach(model);
        tap.Forward(images).Dispose();
        weight.IsInvalid.Should().BeFalse();
        using (NewDisposeScope()) tap.Forward(images);
        weight.IsInvalid.Should().BeFalse();
    }

    [Fact]
    public void Forward_TrainingModel_LeavesModeAndUpdatesStatistics()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Smooth();
        model.train();
        var norm = (BatchNorm2d)model.children().ElementAt(1);
        var before = norm.running_mean!.clone();
        using var tap = FeatureTap.Attach(model, "bn");
        tap.Forward(TinyModels.Images(4)).Output.requires_grad.Should().BeTrue();
        model.training.Should().BeTrue();
        TensorAssert.Different(norm.running_mean!, before);
        using (no_grad()) tap.Forward(TinyModels.Images(4)).Features[0].requires_grad.Should().BeFalse();
    }

    [Fact]
    public void AttachFrozen_TeacherPutIntoTrainMode_IsPutBackAndGivesNoGradient()
    {
        using var scope = NewDisposeScope();
        using var teacher = TinyModels.Smooth();
        teacher.train();
        var norm = (BatchNorm2d)teacher.children().ElementAt(1);
        var before = norm.running_mean!.clone();
        using var tap = FeatureTap.AttachFrozen(teacher, "conv", "bn");
        teacher.training.Should().BeFalse("freezing acts at once");
        var images = TinyModels.Images(4);
        var first = tap.Forward(images);
        teacher.train();
        var second = tap.Forward(images);
        teacher.training.Should().BeFalse();
        TensorAssert.Same(second.Output, first.Output);
        TensorAssert.Same(norm.running_mean!, before);
        first.Features.Append(first.Output).Should().OnlyContain(tensor => !tensor.requires_grad);
        is_grad_enabled().Should().BeTrue();
    }

    [Fact]
    public void Attach_ModelWithoutVisibleLayers_IsRefusedWithAWayOut()
    {
        using var scope = NewDisposeScope();
        var opaque = new Opaque();
        var act = () => FeatureTap.Attach(opaque, "layer1");
        act.Should().Throw<ArgumentException>().WithMessage("*Opaque*does not show its layers*TorchScript*").WithParameterName("model");
        using var tap = FeatureTap.Attach(opaque);
        TensorAssert.Close(tap.Forward(zeros(2)).Output, [1, 1], 0);
    }

    private sealed class Opaque : IModule
    {
        public Tensor call(Tensor input1) => input1 + 1;
    }
}
