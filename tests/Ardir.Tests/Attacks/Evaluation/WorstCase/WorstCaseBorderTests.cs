using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>Chains of one attack, and what a chain says about images that had no gradient.</summary>
public sealed class WorstCaseBorderTests
{
    private static readonly ThreatModel _threat = ThreatModel.Linf(1e-4);

    [Fact]
    public void Perturb_ChainOfOne_IsThatAttack()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear();
        var (images, labels) = (TinyModels.Images(4, ScalarType.Float64), TinyModels.Labels(4));
        var attack = new FgsmAttack(ThreatModel.Linf(0.1));
        var chain = new WorstCaseAttack("chain", attack);
        chain.Threat.Should().Be(attack.Threat);
        TensorAssert.Same(chain.Perturb(model, images, labels), attack.Perturb(model, images, labels));
        chain.Invoking(c => c.Perturb(null!, images, labels)).Should().Throw<ArgumentNullException>().WithParameterName("model");
    }

    [Fact]
    public void Constructor_FirstAttackThatIsNull_IsRefused() =>
        FluentActions.Invoking(() => new WorstCaseAttack("chain", null!, new FgsmAttack(_threat)))
            .Should().Throw<ArgumentException>().WithMessage("An attack is null.*").WithParameterName("attacks");

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Perturb_ImagesWithoutAGradient_AreCountedByTheirNumbers(int stuck)
    {
        using var scope = NewDisposeScope();
        using var linear = TinyModels.Linear();
        var images = TinyModels.Images(4, ScalarType.Float64);
        var labels = linear.call(images).argmax(1);
        // No gradient comes back to the first images of a batch.
        using var model = new FuncModel(
            x => cat([linear.call(x[..stuck]).detach() + (0 * x[..stuck]).flatten(1).sum(1, true), linear.call(x[stuck..])]), linear);
        var logger = new ListLogger();
        new WorstCaseAttack("chain", new FgsmAttack(_threat), new FgsmAttack(_threat))
            .Perturb(model, images, labels, new AttackContext { Logger = logger, SampleIndices = [17, 15, 13, 11] });
        logger.Entries.Should().ContainSingle().Which.Message.Should().StartWith($"chain: for {stuck} of 4 images, which stayed unbroken");
    }

    [Fact]
    public void Perturb_ImageWithoutAGradientThatAnotherAttackBreaks_IsNoReasonForAWarning()
    {
        using var scope = NewDisposeScope();
        // Class 0 where the pixel is above one half; no gradient comes back.
        using var model = new FuncModel(x => cat([x.flatten(1).detach() + 0 * x.flatten(1), 1 - x.flatten(1).detach()], 1));
        var threat = ThreatModel.Linf(0.25);
        var logger = new ListLogger();
        var found = new WorstCaseAttack("chain", new FgsmAttack(threat), new ForeignAttack(threat, (_, x, _) => x - 0.25))
            .Perturb(model, full([1, 1, 1, 1], 0.6), zeros(1, ScalarType.Int64), new AttackContext { Logger = logger });
        found.ToDouble().Should().BeApproximately(0.35, 1e-6);
        logger.Entries.Should().BeEmpty();
    }

    [Fact]
    public void Perturb_ChainOfOneForeignAttack_WarnsAsALongerOneAndNeedsAModel()
    {
        using var scope = NewDisposeScope();
        using var linear = TinyModels.Linear();
        var images = TinyModels.Images(3, ScalarType.Float64);
        var labels = linear.call(images).argmax(1);
        using var flat = new FuncModel(x => linear.call(x).detach() + 0 * x.flatten(1).sum(1, true), linear);
        var logger = new ListLogger();
        var chain = new WorstCaseAttack("chain", new Passing(new FgsmAttack(_threat)));
        chain.Perturb(flat, images, labels, new AttackContext { Logger = logger });
        logger.Entries.Should().ContainSingle().Which.Message.Should().StartWith("chain: for 3 of 3 images");
        new WorstCaseAttack("chain", new ForeignAttack(_threat, (_, x, _) => x))
            .Invoking(c => c.Perturb(null!, images, labels)).Should().Throw<ArgumentNullException>().WithParameterName("model");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Perturb_ForeignAttack_MayDoAnythingToWhatItIsGiven(int attacks)
    {
        using var scope = NewDisposeScope();
        var threat = ThreatModel.Linf(0.1);
        using var model = TinyModels.Linear();
        var images = TinyModels.Images(4, ScalarType.Float64, low: 0.2, high: 0.8);
        var labels = model.call(images).argmax(1);
        var (before, labelsBefore) = (images.clone(), labels.clone());
        foreach (var foreign in new Func<IModule, Tensor, Tensor, Tensor>[]
        {
            (_, x, _) => x,
            (_, x, _) => x.add_(0.05),
            (_, x, y) =>
            {
                y.add_(1);
                return x.clone();
            },
            (_, x, y) =>
            {
                var copy = x.clone();
                x.Dispose();
                y.Dispose();
                return copy;
            },
        })
        {
            IAttack own = new ForeignAttack(threat, foreign);
            var chain = new WorstCaseAttack("chain", attacks == 1 ? [own] : [own, new FgsmAttack(threat), own]);
            chain.Perturb(model, images, labels).add_(1).Dispose();
            TensorAssert.Same(images, before);
            TensorAssert.Same(labels, labelsBefore);
        }
        FluentActions.Invoking(() => new WorstCaseAttack("chain", new ForeignAttack(threat, (_, _, _) => null!)).Perturb(model, images, labels))
            .Should().Throw<InvalidOperationException>().WithMessage("The attack foreign returned null*");
    }

    /// <summary>Somebody else's attack that lets one of the library do its work.</summary>
    private sealed class Passing(IAttack inner) : IAttack
    {
        public string Name => "passing";

        public ThreatModel Threat => inner.Threat;

        public Tensor Perturb(IModule model, Tensor images, Tensor labels, AttackContext? context = null) =>
            inner.Perturb(model, images, labels, context);
    }
}
