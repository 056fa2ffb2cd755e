using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>Expectation over transformation around attacks: what it averages, what it costs, and what it refuses.</summary>
public sealed class EotAttackTests
{
    private static readonly ThreatModel _threat = ThreatModel.Linf(0.1);

    [Fact]
    public void Gradient_RandomModel_IsTheMeanWithTheLastLoss()
    {
        using var scope = NewDisposeScope();
        var linear = TinyModels.Linear();
        var calls = 0;
        using var model = new FuncModel(x => linear.call(x) * ++calls, linear);
        var images = TinyModels.Images(3, ScalarType.Float64);
        (Tensor Gradient, Tensor Loss) Answer(int samples)
        {
            (Tensor, Tensor) answer = default;
            calls = 0;
            var attack = new EotAttack(new ProbeAttack(_threat, run =>
            {
                run.EotSamples.Should().Be(samples);
                var here = run.With(AttackLoss.Margin).Gradient(images);
                answer = (here.Gradient.clone().DetachFromDisposeScope(), here.Loss.clone().DetachFromDisposeScope());
                return run.Images;
            }), samples);
            attack.Perturb(model, images, TinyModels.Labels(3)).Dispose();
            return answer;
        }

        var (single, mean) = (Answer(1), Answer(3));
        calls.Should().Be(3);
        TensorAssert.Close(mean.Gradient, TensorAssert.Values(single.Gradient * 2), 1e-12);   // the mean of 1, 2 and 3 times the first
        TensorAssert.Close(mean.Loss, TensorAssert.Values(single.Loss * 3), 1e-12);
        foreach (var tensor in new[] { single.Gradient, single.Loss, mean.Gradient, mean.Loss }) tensor.Dispose();
    }

    [Fact]
    public void Perturb_DeterministicModel_FindsWhatTheAttackFinds()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Smooth(dtype: ScalarType.Float64);
        model.eval();
        var (images, labels) = (TinyModels.Images(5, ScalarType.Float64), TinyModels.Labels(5));
        IAttack[] attacks =
        [
            new FgsmAttack(_threat), new PgdAttack(_threat, new PgdOptions { Steps = 3, Restarts = 2 }),
            new ApgdAttack(_threat, new ApgdOptions { Search = new() { Iterations = 5 } }), new SquareAttack(_threat, new SquareOptions { Queries = 10 }),
        ];
        foreach (var attack in attacks)
        {
            var alone = attack.Perturb(model, images, labels);
            TensorAssert.Same(new EotAttack(attack, 1).Perturb(model, images, labels), alone);
            TensorAssert.Close(new EotAttack(attack, 4).Perturb(model, images, labels), alone, 1e-9);
        }
    }

    [Fact]
    public void Perturb_AnyComposition_CostsAsManyEvaluations()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear();
        var images = TinyModels.Images(3, ScalarType.Float64);
        var labels = model.call(images).argmax(1);
        var tiny = ThreatModel.Linf(1e-9);
        var pgd = new PgdAttack(tiny, new PgdOptions { Steps = 2 });
        foreach (var (attack, backwards) in new (IAttack, int)[]
        {
            (new EotAttack(pgd, 5), 2 * 5), (new EotAttack(new EotAttack(pgd, 5), 2), 2 * 5 * 2),
            (new WorstCaseAttack("chain", new FgsmAttack(tiny), pgd), 3),
            (new EotAttack(new WorstCaseAttack("chain", new FgsmAttack(tiny), pgd), 3), 3 * 3), (new WorstCaseAttack("chain", new EotAttack(new FgsmAttack(tiny), 3), pgd), 3 + 2),
            (new EotAttack(new CarliniWagnerAttack(ThreatModel.L2(1e-5), new() { SearchSteps = 1, Iterations = 2 }), 3), 2 * 3),
            (new EotAttack(new TargetedFabAttack(tiny, new() { Search = new() { Iterations = 2 }, Classes = 1 }), 3), 3 * 3),   // the start, a success outside the ball, and the nearer point after it
        })
        {
            var counting = new CountingModel(model);
            var progress = new ListProgress<AttackProgress>();
            attack.Perturb(counting, images, labels, new AttackContext { Progress = progress }).Dispose();
            counting.SampleBackwards.Should().Be(3 * backwards, attack.Name);
            progress.Reports[^1].SampleBackwards.Should().BePositive();
        }
    }

    [Fact]
    public void Evaluate_UnitsOfAWrappedAttack_ArePackedAsThoseOfThePlainOne()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear(dtype: ScalarType.Float32);
        var images = TinyModels.Images(20);
        var labels = TinyModels.Predicted(model, images);
        var apgd = new ApgdAttack(_threat, new ApgdOptions { Search = new() { Iterations = 4, Restarts = 3 } });
        List<long> Batches(IAttack attack, out RobustnessReport report)
        {
            var counting = new CountingModel(model);
            report = new AutoAttack(_threat, new AutoAttackOptions { Version = AutoAttackVersion.Custom, Attacks = [attack], BatchSize = 7, Diagnose = false })
                .Evaluate(counting, images, labels);
            return [.. counting.Backwards];
        }

        var plain = Batches(apgd, out var first);
        var wrapped = Batches(new EotAttack(apgd, 2), out var second);
        using (first) using (second)
        {
            second.Robust.Should().Equal(first.Robust);
            second.Attacks.Single().Name.Should().Be("EoT2-APGD-CE");
            second.Attacks.Single().SampleBackwards.Should().Be(wrapped.Sum()).And.BeGreaterThanOrEqualTo(2 * plain.Sum());
            wrapped.Where((_, i) => i % 2 == 1).Should().Equal(wrapped.Where((_, i) => i % 2 == 0), "each gradient is the mean of two of the same samples");
        }
    }

    // The loss of Carlini and Wagner has no gradient where it is satisfied, however many passes are averaged.
    [Fact]
    public void Perturb_GoalReached_IsNoZeroGradient()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear();
        var images = TinyModels.Images(4, ScalarType.Float64, low: 0.3, high: 0.7);
        var labels = model.call(images).argmax(1);
        foreach (var samples in new[] { 1, 3 })
        {
            var notes = new AttackNotes();
            var attack = new CarliniWagnerAttack(ThreatModel.L2(2), new() { SearchSteps = 1, Iterations = 60, InitialConstant = 1, LearningRate = 0.1 });
            var found = new EotAttack(attack, samples).Perturb(model, images, labels, new AttackContext { Notes = notes });
            TensorAssert.AllTrue(model.call(found).argmax(1) != labels);
            notes.ZeroGradients.Should().BeEmpty();
        }
    }

    [Fact]
    public void Create_AnyAttack_IsNamedAfterItAndRecognisedByBoth()
    {
        var pgd = new PgdAttack(_threat, new PgdOptions { Steps = 20, Restarts = 5 });
        new EotAttack(pgd, 10).Name.Should().Be("EoT10-PGD-20x5");
        new EotAttack(pgd, 1).Name.Should().Be("PGD-20x5");
        new EotAttack(pgd, 10).Threat.Should().Be(_threat);
        new EotAttack(pgd, 10).ToString().Should().Contain("EoT10").And.Contain("Steps = 20");
        new IAttack[] { pgd, new EotAttack(pgd, 2), new EotAttack(pgd, 3), new EotAttack(new PgdAttack(_threat), 2) }
            .Select(attack => StatedIdentity.Of(attack)).Should().OnlyHaveUniqueItems();
    }

    [Fact]
    public void Create_WhatCannotBeAveraged_IsRefused()
    {
        FluentActions.Invoking(() => new EotAttack(new PgdAttack(_threat), 0)).Should().Throw<ArgumentOutOfRangeException>().WithParameterName("samples");
        FluentActions.Invoking(() => new EotAttack(null!, 2)).Should().Throw<ArgumentNullException>().WithParameterName("attack");
        foreach (var attack in new IAttack[] { new Foreign(), new WorstCaseAttack("chain", new PgdAttack(_threat), new Foreign()) })
            FluentActions.Invoking(() => new EotAttack(attack, 2)).Should().Throw<ArgumentException>().WithParameterName("attack").WithMessage("foreign*Derive*");
    }

    [Fact]
    public void Perturb_GradientsOfSeveralClasses_AreRefusedWithAnotherAttack()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear();
        var images = TinyModels.Images(2, ScalarType.Float64);
        var labels = TinyModels.Predicted(model, images);
        foreach (var attack in new IAttack[] { new FabAttack(_threat), new DeepFoolAttack(ThreatModel.L2(0.1)) })
        {
            FluentActions.Invoking(() => new EotAttack(attack, 2).Perturb(model, images, labels)).Should().Throw<InvalidOperationException>()
                .WithMessage($"{attack.Name}*TargetedFabAttack*");
        }
    }

    private sealed class Foreign : IAttack
    {
        public string Name => "foreign";

        public ThreatModel Threat => _threat;

        public Tensor Perturb(IModule model, Tensor images, Tensor labels, AttackContext? context = null) => images.clone();
    }

    [Fact]
    public void Perturb_AnAttackWithinThatCannotAverage_IsRefusedBeforeTheModelIsCalled()
    {
        using var scope = NewDisposeScope();
        using var model = new FuncModel(_ => throw new NotSupportedException());
        var (images, labels) = (TinyModels.Images(2), TinyModels.Labels(2));
        var fab = new FabAttack(_threat);
        foreach (var attack in new IAttack[]
        {
            new EotAttack(new AutoAttack(_threat, new AutoAttackOptions { Version = AutoAttackVersion.Plus }), 2),
            new EotAttack(new WorstCaseAttack("chain", new FgsmAttack(_threat), fab), 2),
            new WorstCaseAttack("chain", new FgsmAttack(_threat), new EotAttack(fab, 2)),
            new AutoAttack(_threat, new AutoAttackOptions
            {
                Version = AutoAttackVersion.Custom, Attacks = [new FgsmAttack(_threat), new WorstCaseAttack("chain", new EotAttack(fab, 2), fab)],
            }),
        })
            attack.Invoking(a => a.Perturb(model, images, labels)).Should().Throw<InvalidOperationException>()
                .WithMessage("FAB compares the gradients of several classes*");
    }

    [Fact]
    public void Perturb_AnOwnAttackWithinThatSaysThatItCannotAverage_IsRefusedBeforeTheModelIsCalled()
    {
        using var scope = NewDisposeScope();
        using var model = new FuncModel(_ => throw new NotSupportedException());
        var chain = new EotAttack(new WorstCaseAttack("chain", new FgsmAttack(_threat), new Comparing(_threat)), 2);
        chain.Invoking(attack => attack.Perturb(model, TinyModels.Images(2), TinyModels.Labels(2)))
            .Should().Throw<InvalidOperationException>().WithMessage("own compares the gradients of several classes*");
    }

    private sealed class Comparing(ThreatModel threat) : Attack(threat)
    {
        public override string Name => "own";

        protected override bool CanAverageGradients => false;

        protected override Tensor Search(AttackRun run) => throw new NotSupportedException();
    }
}
