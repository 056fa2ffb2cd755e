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

    [Fact]
    public void Evaluate_AttackThatBreaksAllButAWrongImage_CountsThem()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear(dtype: ScalarType.Float32);
        var bytes = (TinyModels.Images(7) * 255).to(ScalarType.Byte);
        var labels = TinyModels.Predicted(model, bytes.to(ScalarType.Float32) / 255);
        using var data = new ImageDataset(bytes, labels);
        var attack = new PgdAttack(ThreatModel.Linf(1));
        var result = RobustnessEvaluator.Evaluate(model, data, attack, new EvaluationOptions { BatchSize = 3 });
        result.Attacks.Should().ContainSingle().Which.Should()
            .Match<AttackSummary>(summary => summary.Attacked == 6 && summary.Broken == 6 && summary.RobustAccuracyAfter == 0 && summary.Elapsed > TimeSpan.Zero);
    }

    [Fact]
    public void Evaluate_OneOfSeveralImagesOutside_IsTheAttacksFault()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear(dtype: ScalarType.Float32);
        var images = TinyModels.Images(4);
        var labels = model.call(images).argmax(1);
        var attack = new ForeignAttack(ThreatModel.Linf(0.05), (_, x, _) => cat([x[..^1], (x[^1] - 0.5).unsqueeze(0)]));
        FluentActions.Invoking(() => RobustnessEvaluator.Evaluate(model, images, labels, attack))
            .Should().Throw<InvalidOperationException>().WithMessage("foreign returned images outside Linf(0.05)*");
    }

    [Fact]
    public void Evaluate_LabelThatTheModelHasNot_IsRefused()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear(dtype: ScalarType.Float32);
        FluentActions.Invoking(() => RobustnessEvaluator.Evaluate(model, TinyModels.Images(2), tensor([3L, 4L]), attack: null))
            .Should().Throw<ArgumentException>().WithMessage("labels has values from 3 to 4; there are 4 classes*");
    }

    private static ImageDataset Data(int count) =>
        new((TinyModels.Images(count) * 255).to(ScalarType.Byte), TinyModels.Labels(count));
}
