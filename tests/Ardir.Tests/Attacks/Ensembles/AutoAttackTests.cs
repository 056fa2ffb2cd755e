using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

public sealed class AutoAttackTests : IDisposable
{
    private static readonly ThreatModel _threat = ThreatModel.Linf(0.1);

    private readonly string _folder = Directory.CreateTempSubdirectory("ardir-ensemble-").FullName;

    [Fact]
    public void Evaluate_RobustFashionModel_AgreesWithTheOfficialResult()
    {
        using var scope = NewDisposeScope();
        using var model = Fashion();
        var golden = GoldenFile.Load("autoattack_fashion");
        var expected = golden.At("robust").EnumerateArray().Take(12).Select(flag => flag.GetBoolean()).ToArray();
        var (images, labels) = Images(12);
        using var report = new AutoAttack(_threat).Evaluate(model, images, labels);
        report.Robust.Should().Equal(expected);
        report.Attacks.Select(attack => attack.Attacked - attack.Broken).Should().Equal(report.Attacks.Skip(1).Select(attack => attack.Attacked).Append(expected.Count(flag => flag)));
        report.Findings.Should().BeEmpty();
        TensorAssert.AllTrue(_threat.Contains(images, report.Adversarial));
    }

    [Fact]
    public void Evaluate_CancelledAndResumed_EndsAsIfNothingHadHappened()
    {
        using var scope = NewDisposeScope();
        using var model = Fashion();
        var (images, labels) = Images(40);
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
        using var model = Fashion();
        var (images, labels) = Images(8);
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
        using var model = Fashion();
        var (images, labels) = Images(12);
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

    [Fact]
    public void Evaluate_ModelsToDoubt_AreFound()
    {
        using var scope = NewDisposeScope();
        using var model = Fashion();
        var (images, labels) = Images(8);
        FindingKind[] Found(Func<Tensor, Tensor> forward)
        {
            using var doubtful = new FuncModel(forward);
            using var report = Cheap(null).Evaluate(doubtful, images, labels);
            return [.. report.Findings.Select(finding => finding.Kind)];
        }
        Found(x => model.call(x).softmax(1)).Should().Contain(FindingKind.Probabilities);
        Found(x => model.call(x) + randn(x.shape[0], 10)).Should().Contain(FindingKind.Randomized);
        Found(x => model.call(x)).Should().BeEmpty();
        Found(x => model.call(x) * 0 + tensor(new float[] { 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 })).Should().Contain(FindingKind.ConstantLogits);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static AutoAttack Cheap(string? state) => new(_threat, new AutoAttackOptions
    {
        Version = AutoAttackVersion.Custom,
        Attacks = [new ApgdAttack(_threat, new ApgdOptions { Iterations = 5 }), new TargetedApgdAttack(_threat, new TargetedApgdOptions { Iterations = 5, TargetClasses = 2 }), new SquareAttack(_threat, new SquareOptions { Queries = 20 })],
        BatchSize = 8,
        StatePath = state,
    });

    private static (Tensor Images, Tensor Labels) Images(int count)
    {
        using var data = ImageDataset.Mnist(Path.Combine(AppContext.BaseDirectory, "Data", "fashion-mnist"), Split.Test);
        return data.Batch([.. Enumerable.Range(0, count).Select(i => (long)i)]);
    }

    private static nn.Module<Tensor, Tensor> Fashion()
    {
        var model = nn.Sequential(
            ("features", nn.Sequential(("0", nn.Conv2d(1, 16, 3, padding: 1)), ("1", nn.ReLU()), ("2", nn.MaxPool2d(2)), ("3", nn.Conv2d(16, 32, 3, padding: 1)), ("4", nn.ReLU()), ("5", nn.MaxPool2d(2)))),
            ("flatten", nn.Flatten()),
            ("classifier", nn.Sequential(("0", nn.Linear(1568, 100)), ("1", nn.ReLU()), ("2", nn.Linear(100, 10)))));
        var (weights, _) = SafetensorsFile.Read(Path.Combine(AppContext.BaseDirectory, "Goldens", "fm_robust.safetensors"));
        model.load_state_dict(weights);
        foreach (var weight in weights.Values) weight.Dispose();
        return model;
    }
}
