using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

public sealed class AutoAttackTests : IDisposable
{
    private static readonly ThreatModel _threat = ThreatModel.Linf(0.1);

    private readonly string _folder = Directory.CreateTempSubdirectory("ardir-ensemble-").FullName;

    [Theory, InlineData(false), InlineData(true)]
    public void Evaluate_RobustFashionModel_AgreesWithTheOfficialResult(bool cheaperPasses)
    {
        using var scope = NewDisposeScope();
        using var model = FashionModel.Robust();
        var golden = GoldenFile.Load("autoattack_fashion");
        var expected = golden.At("robust").EnumerateArray().Take(12).Select(flag => flag.GetBoolean()).ToArray();
        var (images, labels) = FashionModel.Images(12);
        var context = cheaperPasses
            ? new AttackContext { Convolutions = ConvolutionAlgorithm.Winograd, FoldBatchNorm = true, MemoryFormat = MemoryFormat.ChannelsLast }
            : new AttackContext();
        using var report = new AutoAttack(_threat).Evaluate(model, images, labels, context);
        report.Robust.Should().Equal(expected);
        report.Attacks.Select(attack => attack.Attacked - attack.Broken).Should().Equal(report.Attacks.Skip(1).Select(attack => attack.Attacked).Append(expected.Count(flag => flag)));
        report.Findings.Should().BeEmpty();
        TensorAssert.AllTrue(_threat.Contains(images, report.Adversarial));
    }

    [Fact]
    public void Evaluate_CancelledAndResumed_EndsAsIfNothingHadHappened()
    {
        using var scope = NewDisposeScope();
        using var model = FashionModel.Robust();
        var (images, labels) = FashionModel.Images(40);
        using var whole = Cheap(null).Evaluate(model, images, labels);
        var path = Path.Combine(_folder, "run.state");
        for (var stopAfter = 1; stopAfter <= 3; stopAfter++)
        {
            using var stop = new CancellationTokenSource();
            var batches = 0;
            var limit = stopAfter;
            var cut = () => Cheap(path).Evaluate(model, images, labels, new AttackContext
            {
                CancellationToken = stop.Token,
                Progress = new ListProgress<AttackProgress>(report => { if (report.Evaluation is not null && ++batches == limit) stop.Cancel(); }),
            });
            cut.Should().Throw<OperationCanceledException>();
        }
        // A torn last record, as a process killed while it writes leaves it.
        using (var file = new FileStream(path, FileMode.Append)) file.Write([200, 0, 0, 0, 9, 0]);
        using var resumed = Cheap(path).Evaluate(model, images, labels);
        resumed.Robust.Should().Equal(whole.Robust);
        resumed.BrokenBy.Should().Equal(whole.BrokenBy);
        resumed.Attacks.Select(attack => (attack.Attacked, attack.Broken, attack.SampleForwards, attack.SampleBackwards)).Should()
            .Equal(whole.Attacks.Select(attack => (attack.Attacked, attack.Broken, attack.SampleForwards, attack.SampleBackwards)));
        TensorAssert.Same(resumed.Adversarial, whole.Adversarial);
    }

    [Fact]
    public void Evaluate_StateOfAnotherRun_IsRefusedNamingTheDifference()
    {
        using var scope = NewDisposeScope();
        using var model = FashionModel.Robust();
        var (images, labels) = FashionModel.Images(8);
        var path = Path.Combine(_folder, "run.state");
        Cheap(path).Evaluate(model, images, labels).Dispose();
        var other = () => Cheap(path).Evaluate(model, images * 0.5, labels);
        other.Should().Throw<InvalidOperationException>().WithMessage("*images: was*").Which.Message.Should().NotContain("labels: was");
        using (no_grad()) model.parameters().First().mul_(1.01);
        var changed = () => Cheap(path).Evaluate(model, images, labels);
        changed.Should().Throw<InvalidOperationException>().WithMessage("*model: was*");
    }

    [Fact]
    public void Evaluate_Reports_RoundTripAndLeaveNothingBehind()
    {
        using var scope = NewDisposeScope();
        using var model = FashionModel.Robust();
        var (images, labels) = FashionModel.Images(12);
        using var report = Cheap(null).Evaluate(model, images, labels);
        report.SaveJson(Path.Combine(_folder, "r.json"));
        report.SaveMarkdown(Path.Combine(_folder, "r.md"), ImageDataset.FashionMnistClassNames);
        report.SaveHtml(Path.Combine(_folder, "r.html"), ImageDataset.FashionMnistClassNames);
        JsonReport.Read(Path.Combine(_folder, "r.json")).Should().BeEquivalentTo(JsonReport.Describe(report));
        File.ReadAllText(Path.Combine(_folder, "r.md")).Should().Contain("| Ankle boot | ").And.Contain("APGD-CE");
        File.ReadAllText(Path.Combine(_folder, "r.html")).Should().Contain("<svg").And.NotContain("http://");
        var (low, high) = report.ConfidenceInterval;
        low.Should().BeLessThan(report.RobustAccuracy).And.BeGreaterThan(0);
        high.Should().BeGreaterThan(report.RobustAccuracy).And.BeLessThan(1);
        LeakAssert.None(() => Cheap(null).Evaluate(model, images, labels).Dispose(), runs: 2);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static AutoAttack Cheap(string? state) => new(_threat, new AutoAttackOptions
    {
        Version = AutoAttackVersion.Custom,
        Attacks = [new ApgdAttack(_threat, new ApgdOptions { Search = new() { Iterations = 5 } }), new TargetedApgdAttack(_threat, new TargetedApgdOptions { Search = new() { Iterations = 5 }, Classes = 2 }), new SquareAttack(_threat, new SquareOptions { Queries = 20 })],
        BatchSize = 8,
        StatePath = state,
    });
}
