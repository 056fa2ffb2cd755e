using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>The share of images that may resist a budget that can make every image grey: one in ten.</summary>
public sealed class HugeBudgetTests
{
    [Theory]
    [InlineData(2, false)]
    [InlineData(3, true)]
    [InlineData(4, true)]
    public void Findings_TwentyImagesSomeOfWhichNothingMoves_TellsAboveTenPercent(int deaf, bool told)
    {
        using var scope = NewDisposeScope();
        // The first pixel marks images that the model answers for as it always does. No budget takes it across the middle.
        using var model = new FuncModel(x =>
        {
            var score = x.flatten(1)[TensorIndex.Colon, 1..].mean([1]) - 0.5;
            var marked = x.flatten(1).select(1, 0).detach() > 0.5;
            var shown = where(marked, score * 1e-3 + 1, score);
            return stack([shown, -shown], 1);
        });
        var images = full([20, 1, 4, 4], 0.6);
        images[TensorIndex.Colon, 0, 0, 0] = zeros(20);
        images[..deaf, 0, 0, 0] = ones(deaf);
        var threat = ThreatModel.Linf(0.01);
        var options = new AutoAttackOptions { Version = AutoAttackVersion.Custom, Attacks = [new FgsmAttack(threat)] };
        using var report = new AutoAttack(threat, options).Evaluate(model, images, zeros(20, ScalarType.Int64));
        var found = report.Findings.Where(finding => finding.Kind == FindingKind.ResistsHugeBudget).Select(finding => finding.Message).ToList();
        if (told) found.Should().ContainSingle().Which.Should().StartWith($"{deaf} of 20 images resist");
        else found.Should().BeEmpty();
    }
}
