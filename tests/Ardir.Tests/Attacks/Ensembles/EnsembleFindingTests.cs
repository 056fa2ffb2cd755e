using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>Each doubt has a model that raises it and one close to it that does not.</summary>
public sealed class EnsembleFindingTests
{
    private static readonly ThreatModel _threat = ThreatModel.Linf(0.1);

    [Fact]
    public void Linear_FourClasses_RaisesNoDoubt() => Kinds(x => Linear(x)).Should().BeEmpty();

    [Theory]
    [InlineData(1e-2, true)]
    [InlineData(1e-7, false)]
    public void Randomized(double noise, bool found)
    {
        using var generator = new Generator(3);
        Has(FindingKind.Randomized, x => Linear(x) + randn([x.shape[0], 4], generator: generator) * noise).Should().Be(found);
    }

    [Theory]
    [InlineData(1.0, true)]
    [InlineData(1.001, false)]
    public void Probabilities(double sum, bool found) => Has(FindingKind.Probabilities, x => Linear(x).softmax(1) * sum).Should().Be(found);

    [Theory]
    [InlineData(2.0, true)]    // no pixel ever reaches the kink
    [InlineData(0.0, false)]
    public void ZeroGradient(double kink, bool found) => Has(FindingKind.ZeroGradient, x => Linear((x - kink).relu()), Targeted()).Should().Be(found);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void SquareImproves(bool masked)
    {
        IAttack[] attacks = [new ApgdAttack(_threat, new ApgdOptions { Iterations = 10 }), new SquareAttack(_threat, new SquareOptions { Queries = 300 })];
        Has(FindingKind.SquareImproves, x => masked ? Masked(x) : Linear(x), attacks).Should().Be(masked);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void DynamicModel(bool optimises) => Has(FindingKind.DynamicModel, x =>
    {
        if (!optimises) return Linear(x);
        using var grad = enable_grad();
        var inner = x.detach().requires_grad_();
        Linear(inner).square().sum().backward(inputs: [inner]);
        return Linear(x + inner.grad!.detach() * 1e-6);
    }).Should().Be(optimises);

    [Theory]
    [InlineData(3, true)]
    [InlineData(4, false)]
    public void FewClasses(int classes, bool found) => Has(FindingKind.FewClasses, x => Linear(x).narrow(1, 0, classes)).Should().Be(found);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void NanLogits(bool nan)
    {
        var image = 0;
        // Only the first pixel of the first image is that dark, and no budget makes another one so.
        Has(FindingKind.NanLogits, x => where((x.flatten(1).narrow(1, 0, 1) < 0.05).logical_and(tensor(nan)), tensor(double.NaN), Linear(x)), null, x =>
        {
            x.clamp_(0.2, 1);
            x[image, 0, 0, 0] = 0;
            return x;
        }).Should().Be(nan);
    }

    [Theory]
    [InlineData(0.0, true)]
    [InlineData(1e-3, false)]
    public void ConstantLogits(double scale, bool found) =>
        Has(FindingKind.ConstantLogits, x => Linear(x) * scale + tensor([0, 0, 0, 1.0]), Targeted()).Should().Be(found);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void TrainMode(bool stubborn)
    {
        using var drop = nn.Dropout(0.5);
        FuncModel? model = null;
        model = new FuncModel(x =>
        {
            if (stubborn) model!.train();
            return Linear(x);
        }, drop);
        using var owner = model;
        Kinds(model, Targeted()).Contains(FindingKind.TrainMode).Should().Be(stubborn);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void VanishingGradient(bool masked) => Has(FindingKind.VanishingGradient, x => masked ? Masked(x) : Linear(x), Targeted()).Should().Be(masked);

    [Theory]
    [InlineData(1e-6, true)]
    [InlineData(0.025, false)]
    public void WeakerThanFgsm(double step, bool found) =>
        Has(FindingKind.WeakerThanFgsm, x => Linear(x), [new PgdAttack(_threat, new PgdOptions { Steps = 20, StepSize = step, Start = RandomStart.None })]).Should().Be(found);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void ResistsHugeBudget(bool masked) => Has(FindingKind.ResistsHugeBudget, x => masked ? Masked(x) : Linear(x), Targeted()).Should().Be(masked);

    [Theory]
    [InlineData(0.5, true)]    // leaves the ball
    [InlineData(0.05, false)]
    public void UnconfirmedSuccess(double size, bool found) =>
        Has(FindingKind.UnconfirmedSuccess, x => Linear(x), [new ForeignAttack(_threat, (_, images, _) => (images + size).clamp(0, 1))]).Should().Be(found);

    private static bool Has(FindingKind kind, Func<Tensor, Tensor> forward, IReadOnlyList<IAttack>? attacks = null, Func<Tensor, Tensor>? change = null) =>
        Kinds(forward, attacks, change).Contains(kind);

    private static FindingKind[] Kinds(Func<Tensor, Tensor> forward, IReadOnlyList<IAttack>? attacks = null, Func<Tensor, Tensor>? change = null)
    {
        using var model = new FuncModel(forward);
        return Kinds(model, attacks ?? [new ApgdAttack(_threat, new ApgdOptions { Iterations = 10 }), .. Targeted()], change);
    }

    private static FindingKind[] Kinds(nn.Module<Tensor, Tensor> model, IReadOnlyList<IAttack> attacks, Func<Tensor, Tensor>? change = null)
    {
        using var scope = NewDisposeScope();
        var images = TinyModels.Images(12, ScalarType.Float64, low: 0.1, high: 0.9);
        images = change?.Invoke(images) ?? images;
        Tensor labels;
        using (no_grad()) labels = model.call(images).nan_to_num(0).argmax(1);
        using var report = new AutoAttack(_threat, new AutoAttackOptions { Version = AutoAttackVersion.Custom, Attacks = attacks, BatchSize = 6 }).Evaluate(model, images, labels);
        report.Findings.All(finding => finding.Message.Length > 40).Should().BeTrue();
        return [.. report.Findings.Select(finding => finding.Kind)];
    }

    private static IAttack[] Targeted() => [new TargetedApgdAttack(_threat, new TargetedApgdOptions { Iterations = 10 })];

    private static Tensor Linear(Tensor x)
    {
        using var weight = TinyModels.Random([4, 16], 5, ScalarType.Float64, -1, 1);
        return x.flatten(1).matmul(weight.t());
    }

    // The same answers, no gradient.
    private static Tensor Masked(Tensor x) => Linear(x.detach()) + x.flatten(1).sum(1, keepdim: true) * 0;
}
