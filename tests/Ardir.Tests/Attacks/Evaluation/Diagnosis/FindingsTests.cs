using Ardir.Attacks;

namespace Ardir.Tests;

public sealed class FindingsTests
{
    public static TheoryData<string> Rows => [.. DoubtfulModels.Table.Keys];

    [Theory]
    [MemberData(nameof(Rows))]
    public void Evaluate_ModelOfTheTable_EndsWithExactlyItsFindings(string row)
    {
        using var scope = NewDisposeScope();
        var doubt = DoubtfulModels.Table[row]();
        using var report = doubt.Attack.Evaluate(doubt.Model, doubt.Images, doubt.Labels);
        var told = string.Join("\n", report.Findings);
        report.Findings.Select(finding => finding.Kind).Except(doubt.Tolerated.Except(doubt.Expected)).Should().Equal(doubt.Expected, "it said: {0}", told);
        report.Findings.Should().NotContain(finding => finding.Message.Length < 60 || !finding.Message.EndsWith('.'));
    }

    [Fact]
    public void Table_HasARowAndANearMissForEveryKind()
    {
        foreach (var kind in Enum.GetNames<FindingKind>())
        {
            DoubtfulModels.Table.Keys.Should().Contain(row => row.StartsWith(kind + ": ", StringComparison.Ordinal));
            DoubtfulModels.Table.Keys.Should().Contain(row => row.StartsWith(kind + ", near miss: ", StringComparison.Ordinal));
        }
    }

    [Fact]
    public void Evaluate_WithoutDiagnosis_FindsNothingAndCostsNothing()
    {
        using var scope = NewDisposeScope();
        using var inner = TinyModels.Linear();
        var model = new CountingModel(new FuncModel(x => inner.call(x).softmax(1)));
        var images = TinyModels.Images(8, ScalarType.Float64);
        var threat = Ardir.Core.ThreatModel.Linf(0.1);
        using var report = new AutoAttack(threat, new AutoAttackOptions { Version = AutoAttackVersion.Custom, Attacks = [new ForeignAttack(threat, (_, x, _) => x)], Diagnose = false })
            .Evaluate(model, images, inner.call(images).argmax(1));
        report.Findings.Should().BeEmpty();
        model.Forwards.Should().Equal([8, 8], "the clean pass, the confirmation");
    }
}
