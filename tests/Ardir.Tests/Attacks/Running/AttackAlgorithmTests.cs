using Ardir.Attacks;
using Ardir.Core;
using Ardir.Distillation;
using TorchSharp.Modules;

namespace Ardir.Tests;

/// <summary>Attacks, evaluations and trainings with Winograd's algorithm and folded batch norms find what they find without, up to rounding.</summary>
public sealed class AttackAlgorithmTests
{
    private static readonly NormThreatModel _threat = ThreatModel.Linf(0.1);
    private static readonly AttackContext _fast = new() { Convolutions = ConvolutionAlgorithm.Winograd, FoldBatchNorm = true, MemoryFormat = MemoryFormat.ChannelsLast };

    [Theory, InlineData(1), InlineData(3)]
    public void Ensembles_OnTheRobustNetwork_FindTheSameImages(int shards)
    {
        using var scope = NewDisposeScope();
        using var robust = FashionModel.Robust();
        robust.eval();
        using (var winograd = new WinogradScope(robust)) winograd.Count.Should().BeGreaterThan(0);
        var (images, labels) = FashionModel.Images(48);
        var ensemble = new AutoAttack(_threat, new AutoAttackOptions
        {
            Version = AutoAttackVersion.Custom, Diagnose = false, BatchSize = 48,
            Attacks =
            [
                new ApgdAttack(_threat, new ApgdOptions { Search = new() { Iterations = 15 } }),
                new TargetedApgdAttack(_threat, new TargetedApgdOptions { Classes = 2, Search = new() { Iterations = 15 } }),
                new SquareAttack(_threat, new SquareOptions { Queries = 50 }),
            ],
        });
        using var plain = ensemble.Evaluate(robust, images, labels);
        using var fast = ensemble.Evaluate(robust, images, labels, _fast with { Shards = shards });
        fast.Robust.Should().Equal(plain.Robust);
        plain.Robust.Count(isRobust => isRobust).Should().BeInRange(10, 47);
    }

    [Fact]
    public void Perturb_EachAlgorithm_IsUsedWhileTheAttackRunsAndNotAfterwards()
    {
        using var scope = NewDisposeScope();
        using var model = Network();
        var images = TinyModels.Random([4, 3, 12, 12], 1, ScalarType.Float32);
        var labels = tensor(new long[] { 0, 1, 2, 3 });
        var attack = new PgdAttack(_threat, new PgdOptions { Steps = 4, StepSize = 0.03 });
        var maps = new List<bool>();
        // What a block returns is in channels-last order where its last convolution computes by Winograd's algorithm.
        foreach (var block in model.modules().OfType<Sequential>()) block.register_forward_hook((_, _, map) => { maps.Add(ChannelsLastLayout.Has(map)); return null!; });
        var plain = attack.Perturb(model, images, labels);
        maps.Should().OnlyContain(isLast => !isLast).And.NotBeEmpty();
        foreach (var context in new[] { new AttackContext { Convolutions = ConvolutionAlgorithm.Winograd }, _fast })
        {
            maps.Clear();
            var found = attack.Perturb(model, images, labels, context);
            maps.Should().OnlyContain(isLast => isLast).And.NotBeEmpty();
            // A sign may change where a gradient is zero up to rounding.
            (found - plain).abs().gt(1e-5).to(ScalarType.Float64).mean().ToDouble().Should().BeLessThan(0.01);
            RobustnessEvaluator.Evaluate(model, images, labels, attack, new EvaluationOptions { Context = context }).Robust
                .Should().Equal(RobustnessEvaluator.Evaluate(model, images, labels, attack).Robust);
        }
        maps.Clear();
        TensorAssert.Same(attack.Perturb(model, images, labels), plain);
        maps.Should().OnlyContain(isLast => !isLast);
        FluentActions.Invoking(() => new AttackContext { Convolutions = (ConvolutionAlgorithm)7 }).Should().Throw<ArgumentOutOfRangeException>().WithMessage("*Convolutions*");
    }

    [Fact]
    public void Perturb_SearchInBFloat16_DoesNotComputeByWinograd()
    {
        using var scope = NewDisposeScope();
        using var model = Network();
        var images = TinyModels.Random([2, 3, 12, 12], 1, ScalarType.Float32);
        var labels = tensor(new long[] { 0, 1 });
        var low = new AttackContext { SearchPrecision = SearchPrecision.BFloat16 };
        if (ConvolutionCheck.Find(model, ScalarType.BFloat16) is not null) return;
        var attack = new PgdAttack(_threat, new PgdOptions { Steps = 3, StepSize = 0.03 });
        TensorAssert.Same(attack.Perturb(model, images, labels, low with { Convolutions = ConvolutionAlgorithm.Winograd }), attack.Perturb(model, images, labels, low));
    }

    private static PreActResNet Network()
    {
        var model = PreActResNet.Create(new PreActResNetOptions { Widths = [16, 32], BlocksPerStage = 1, Classes = 4, Seed = 1 });
        model.eval();
        return model;
    }
}
