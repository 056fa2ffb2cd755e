using System.Runtime.InteropServices;
using Ardir.Attacks;
using TorchSharp.Modules;

namespace Ardir.Tests;

/// <summary>Native errors of a model, in words that help its author.</summary>
public sealed class ModelCallTests
{
    [Fact]
    public void Forward_ParametersOfAnotherType_NamesBothAndTheRemedies()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear(dtype: ScalarType.Float64);
        FluentActions.Invoking(() => AttackLoss.CrossEntropy.Forward(model, TinyModels.Images(2))).Should().Throw<InvalidOperationException>()
            .WithMessage("The model failed on Float32 images, and its parameters are Float64. Convert one of them: images.to(ScalarType.Float64) or model.to(ScalarType.Float32).")
            .WithInnerException<ExternalException>();
    }

    // Neither parameters of the same type nor whole numbers are to blame.
    [Fact]
    public void Forward_AnotherNativeError_GivesItsReasonWithoutTheNativeStack()
    {
        using var scope = NewDisposeScope();
        using var model = nn.Sequential(nn.Flatten(), nn.Linear(15, 4));
        model.register_parameter("count", new Parameter(tensor([1L]), requires_grad: false));
        FluentActions.Invoking(() => AttackLoss.CrossEntropy.Forward(model, TinyModels.Images(2))).Should().Throw<InvalidOperationException>()
            .Which.Message.Should().Be("The model failed on Float32 images [2,1,4,4]: mat1 and mat2 shapes cannot be multiplied (2x16 and 15x4)");
    }

    [Fact]
    public void Forward_ModelThatChangesItsInput_SaysWhatToDo()
    {
        using var scope = NewDisposeScope();
        using var model = new FuncModel(x => x.sub_(0.5).flatten(1));
        FluentActions.Invoking(() => AttackLoss.CrossEntropy.Forward(model, TinyModels.Images(2).requires_grad_())).Should().Throw<InvalidOperationException>()
            .WithMessage($"The model changes its input in place. {ModelCall.InPlaceRemedy}").WithInnerException<ExternalException>();
    }
}
