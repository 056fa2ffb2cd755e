using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>What the explicit context of attacks refuses at once, and that wrappers of one's own reach everything through it.</summary>
public sealed class AttackContextTests
{
    private static readonly ThreatModel _threat = ThreatModel.Linf(0.1);

    [Fact]
    public void Context_MissingValues_AreRefusedWhereTheyAreSet()
    {
        FluentActions.Invoking(() => new AttackContext { Known = null! }).Should().Throw<ArgumentNullException>().WithParameterName("Known");
        FluentActions.Invoking(() => new AttackContext { Known = [null!] }).Should().Throw<ArgumentException>().WithParameterName("Known").WithMessage("An entry is null*");
        FluentActions.Invoking(() => new AttackContext { Logger = null! }).Should().Throw<ArgumentNullException>().WithParameterName("Logger");
        FluentActions.Invoking(() => new AttackContext { EotSamples = 0 }).Should().Throw<ArgumentOutOfRangeException>().WithMessage("EotSamples must be at least 1.*");
    }

    [Fact]
    public void EotSamples_SetByAWrapperOfOnesOwn_AveragesAsEotAttackDoes()
    {
        using var scope = NewDisposeScope();
        using var linear = TinyModels.Linear(dtype: ScalarType.Float32);
        var (images, labels) = (TinyModels.Images(6), TinyModels.Labels(6));
        Tensor Attacked(IAttack attack)
        {
            var calls = 0;
            using var random = new FuncModel(x => linear.call(x * (1 + ++calls % 3)));
            return attack.Perturb(random, images, labels);
        }

        var pgd = new PgdAttack(_threat, new() { Steps = 4, Start = RandomStart.None });
        var found = Attacked(new OwnAveraging(pgd, 3));
        TensorAssert.Same(found, Attacked(new EotAttack(pgd, 3)));
        TensorAssert.AllTrue((found != images).any().unsqueeze(0));
    }

    [Theory]
    [InlineData(0, 0, 1, "classes must be at least 1.*")]
    [InlineData(4, 1, 1, "The bounds must be finite numbers*")]
    [InlineData(4, double.NaN, 1, "The bounds must be finite numbers*")]
    [InlineData(4, 0, double.PositiveInfinity, "The bounds must be finite numbers*")]
    public void CheckedBatch_WhatCouldNeverBeTrue_IsRefused(long classes, double minimum, double maximum, string message)
    {
        using var scope = NewDisposeScope();
        var (images, labels) = (TinyModels.Images(6), TinyModels.Labels(6));
        FluentActions.Invoking(() => CheckedBatch.Trusted(images, labels, classes, minimum, maximum)).Should().Throw<ArgumentOutOfRangeException>().WithMessage(message);
    }

    [Theory]
    [InlineData(-1, 2, "start"), InlineData(6, 1, "start"), InlineData(0, 0, "count"), InlineData(4, 3, "count"), InlineData(0, 7, "count")]
    public void CheckedBatch_NarrowedToSamplesThatItHasNot_IsRefused(long start, long count, string name)
    {
        using var scope = NewDisposeScope();
        var batch = CheckedBatch.Of(TinyModels.Images(6), TinyModels.Labels(6), 4);
        batch.Invoking(b => b.Narrow(start, count)).Should().Throw<ArgumentOutOfRangeException>().WithParameterName(name);
        batch.Narrow(0, 6).Should().BeSameAs(batch);
        TensorAssert.Same(batch.Narrow(4, 2).Labels, tensor([0L, 1]));
    }

    [Fact]
    public void Diagnostics_AttackThatAsksNothing_DoesNotUseUpTheComparison()
    {
        using var scope = NewDisposeScope();
        using var linear = TinyModels.Linear(dtype: ScalarType.Float32);
        var model = new OpaqueModel(x => linear.call(x.sub_(0.5)));
        var (images, labels) = (TinyModels.Images(6), TinyModels.Labels(6));
        using var diagnostics = new AttackDiagnostics();
        var context = new AttackContext { Diagnostics = diagnostics };
        new ProbeAttack(_threat, run => run.Images).Perturb(model, images, labels, context);
        FluentActions.Invoking(() => new ProbeAttack(_threat, run => { run.Logits(run.Images); return run.Images; }).Perturb(model, images, labels, context))
            .Should().Throw<InvalidOperationException>().WithMessage("The model changes its input in place*");
    }

    /// <summary>As <see cref="EotAttack"/>, from public members only.</summary>
    private sealed class OwnAveraging(IAttack attack, int samples) : ICompositeAttack
    {
        public string Name => $"mean of {samples} {attack.Name}";

        public ThreatModel Threat => attack.Threat;

        public IReadOnlyList<IAttack> Attacks => [attack];

        public Tensor Perturb(IModule model, Tensor images, Tensor labels, AttackContext? context = null)
        {
            context ??= new AttackContext();
            return attack.Perturb(model, images, labels, context with { EotSamples = context.EotSamples * samples });
        }
    }
}
