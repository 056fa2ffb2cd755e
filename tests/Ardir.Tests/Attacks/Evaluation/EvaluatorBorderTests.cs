using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>What the evaluator refuses of a model, and data sets of a single image.</summary>
public sealed class EvaluatorBorderTests
{
    [Fact]
    public void Evaluate_ModelThatChangesItsInput_IsRefused()
    {
        using var scope = NewDisposeScope();
        using var linear = TinyModels.Linear(dtype: ScalarType.Float32);
        using var model = new FuncModel(x => linear.call(x.sub_(0.5)), linear);
        using var data = Data(3);
        FluentActions.Invoking(() => RobustnessEvaluator.Evaluate(model, data, attack: null, new() { BatchSize = 3 }))
            .Should().Throw<InvalidOperationException>().WithMessage("The model changes its input in place.*");
    }

    [Fact]
    public void Evaluate_SecondBatchWithoutARowForEachImage_NamesTheShape()
    {
        using var scope = NewDisposeScope();
        using var linear = TinyModels.Linear(dtype: ScalarType.Float32);
        var calls = 0;
        using var model = new FuncModel(x => ++calls == 1 ? linear.call(x) : linear.call(x)[..1], linear);
        using var data = Data(4);
        FluentActions.Invoking(() => RobustnessEvaluator.Evaluate(model, data, attack: null, new() { BatchSize = 2 }))
            .Should().Throw<InvalidOperationException>().WithMessage("The model returned Float32 [1,4] for 2 images; expected*[2,K]*");
    }

    [Fact]
    public void Evaluate_SingleImage_HasNothingToCompareItWith()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear(dtype: ScalarType.Float32);
        using var data = Data(1);
        var result = RobustnessEvaluator.Evaluate(model, data, attack: null, new EvaluationOptions { Checks = EvaluationChecks.All });
        result.Correct.Should().ContainSingle();
        result.Findings.Select(finding => finding.Kind).Should().NotContain(FindingKind.ConstantLogits);
    }

    [Fact]
    public void Evaluate_LastImageLikeTheFirst_DoesNotMakeTheModelConstant()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear(dtype: ScalarType.Float32);
        var images = (TinyModels.Images(3) * 255).to(ScalarType.Byte);
        images[2] = images[0];
        using var data = new ImageDataset(images, TinyModels.Labels(3));
        var result = RobustnessEvaluator.Evaluate(model, data, attack: null, new EvaluationOptions { Checks = EvaluationChecks.All, BatchSize = 1 });
        result.Findings.Select(finding => finding.Kind).Should().NotContain(FindingKind.ConstantLogits);
    }

    private static ImageDataset Data(int count) =>
        new((TinyModels.Images(count) * 255).to(ScalarType.Byte), TinyModels.Labels(count));
}
