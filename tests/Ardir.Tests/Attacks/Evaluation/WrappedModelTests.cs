using Ardir.Attacks;
using Ardir.Core;
using TorchSharp.Modules;

namespace Ardir.Tests;

/// <summary>Attacks of others need more of a model than its logits, and what they do is counted all the same.</summary>
public sealed class WrappedModelTests
{
    private const int Count = 6;
    private const int Passes = 2;

    private static readonly ThreatModel _threat = ThreatModel.Linf(0.1);

    private static readonly Dictionary<string, Func<IModule, ImageDataset, IAttack, AttackSummary>> _evaluations = new()
    {
        ["evaluator"] = (model, data, attack) => RobustnessEvaluator.Evaluate(model, data, attack, new() { BatchSize = 4 }).Attacks.Single(),
        ["chain"] = (model, data, attack) => RobustnessEvaluator.Evaluate(model, data, new WorstCaseAttack("chain", attack)).Attacks.Single(),
        ["ensemble"] = (model, data, attack) =>
        {
            using var scope = NewDisposeScope();
            var options = new AutoAttackOptions { Version = AutoAttackVersion.Custom, Attacks = [attack], Diagnose = false };
            using var report = new AutoAttack(_threat, options).Evaluate(model, data.Images.to(ScalarType.Float32) / 255, data.Labels);
            return report.Attacks.Single();
        },
    };

    public static TheoryData<string> Evaluations => [.. _evaluations.Keys];

    [Theory, MemberData(nameof(Evaluations))]
    public void ForeignAttack_ThatFollowsALayer_SeesItAndIsCounted(string name)
    {
        using var net = TinyModels.Smooth();
        using var data = Data(net);
        var attack = new FeatureAttack(net);
        var model = new CountingModel(net);
        var summary = _evaluations[name](new Wrapper(model, net), data, attack);
        (summary.Attacked, summary.Broken).Should().Be((Count, 0));
        summary.SampleForwards.Should().Be(Count * (Passes + 1), "the result is judged");
        summary.SampleBackwards.Should().Be(Count * Passes).And.Be(model.SampleBackwards);
        attack.Moved.Should().BeTrue("the layer has a gradient");
        net.training.Should().BeTrue("its mode is given back");
        LeakAssert.None(() => _evaluations[name](net, data, attack));
    }

    [Fact]
    public void Wrapper_IsSeenThrough()
    {
        using var net = TinyModels.Smooth();
        var model = new Wrapper(new Wrapper(net, net), net);
        IModelWrapper.Unwrap(model).Should().BeSameAs(net);
        IModelWrapper.Unwrap(net).Should().BeSameAs(net);
        FeatureTap.ListLayers(model).Should().Equal("conv", "bn", "act", "drop", "flat", "fc");
        FluentActions.Invoking(() => SharedModules.EnsureNone(net, model)).Should().Throw<ArgumentException>().WithMessage("*share one*");
        using (new EvaluationModeScope(model)) net.training.Should().BeFalse();
        net.training.Should().BeTrue();
        using (FeatureTap.AttachFrozen(model, "act")) net.training.Should().BeFalse();
        net.training.Should().BeTrue();
    }

    private static ImageDataset Data(Sequential net)
    {
        using var scope = NewDisposeScope();
        using var modes = new EvaluationModeScope(net);
        var bytes = TinyModels.Random([Count, 1, 4, 4], 1, high: 256).to(ScalarType.Byte);
        var labels = net.call(bytes.to(ScalarType.Float32) / 255).argmax(1);
        return new ImageDataset(bytes.MoveToOuterDisposeScope(), labels.MoveToOuterDisposeScope());
    }

    private sealed class Wrapper(IModule called, IModule model) : IModelWrapper
    {
        public IModule Model => model;

        public Tensor call(Tensor input1) => called.call(input1);
    }

    /// <summary>Increases the activations of a layer and returns the clean images.</summary>
    private sealed class FeatureAttack(IModule expected) : IAttack
    {
        public string Name => "features";

        public ThreatModel Threat => _threat;

        public bool Moved { get; private set; }

        public Tensor Perturb(IModule model, Tensor images, Tensor labels, AttackContext? context = null)
        {
            IModelWrapper.Unwrap(model).Should().BeSameAs(expected);
            using var tap = FeatureTap.Attach(model, "act");
            for (var pass = 0; pass < Passes; pass++)
            {
                using var scope = NewDisposeScope();
                using var grad = enable_grad();
                var leaf = images.detach().clone().requires_grad_();
                var tapped = tap.Forward(leaf);
                tapped.Features["act"].square().sum().backward(inputs: [leaf]);
                Moved |= leaf.grad!.abs().sum().ToDouble() > 0;
            }
            return images.clone();
        }
    }
}
