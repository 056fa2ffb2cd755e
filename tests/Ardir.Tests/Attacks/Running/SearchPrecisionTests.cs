using Ardir.Attacks;
using Ardir.Core;
using Ardir.Distillation;
using TorchSharp.Modules;

namespace Ardir.Tests;

/// <summary>Attacks that follow gradients in bfloat16, and what they find, judged in the precision of the model.</summary>
public sealed class SearchPrecisionTests : SearchesInBFloat16
{
    [SkippableFact]
    public void Perturb_LayersComputeInBFloat16_AndEverythingIsAsBeforeAfterwards()
    {
        SkipWhereWrong();
        var dtypes = new HashSet<(ScalarType Input, ScalarType Weight)>();
        foreach (var convolution in Network.modules().OfType<Conv2d>())
            convolution.register_forward_pre_hook((_, input) => { dtypes.Add((input.dtype, convolution.weight.dtype)); return null!; });
        var before = Weights();
        foreach (var name in (string[])["FGSM", "MI-FGSM", "PGD", "PGD until broken", "APGD", "APGD-T"])
        {
            var attack = Make(name);
            dtypes.Clear();
            using var found = attack.Perturb(Network, Images, Labels, Low);
            dtypes.Should().Contain(entry => entry.Weight == ScalarType.BFloat16, name);
            found.dtype.Should().Be(ScalarType.Float32);
            Threat.Contains(Images, found).all().ToBoolean().Should().BeTrue(name);
            Weights().Should().Equal(before);
            dtypes.Clear();
            attack.Perturb(Network, Images, Labels).Dispose();
            dtypes.Should().Equal([(ScalarType.Float32, ScalarType.Float32)], name);
            LeakAssert.None(() => attack.Perturb(Network, Images, Labels, Low).Dispose());
        }
    }

    /// <summary>bfloat16 has eight significant bits: the gradient of the loss agrees to a few thousandths of its length, and so do logits.</summary>
    [SkippableFact]
    public void Gradient_IsThatOfTheModel_UpToTheRoundingOfBFloat16()
    {
        SkipWhereWrong();
        AttackGradient At(AttackContext context)
        {
            AttackGradient here = default;
            var probe = new Probe(run => 
            {
                var found = run.With(AttackLoss.CrossEntropy).Gradient(run.Images);
                // The run disposes its own.
                here = new AttackGradient(found.Logits.clone().DetachFromDisposeScope(), found.Loss, found.Gradient.clone().DetachFromDisposeScope());
            });
            probe.Perturb(Network, Images, Labels, context).Dispose();
            return here;
        }
        var (full, low) = (At(new AttackContext()), At(Low));
        low.Gradient.dtype.Should().Be(ScalarType.Float32);
        low.Logits.dtype.Should().Be(ScalarType.Float32);
        ((low.Gradient - full.Gradient).norm() / full.Gradient.norm()).ToDouble().Should().BeInRange(1e-4, 0.05);
        ((low.Logits - full.Logits).abs().max() / full.Logits.abs().max()).ToDouble().Should().BeInRange(1e-5, 0.03);
    }

    /// <summary>At the clean images a model does not differ from itself: in another precision it would, by the rounding of that.</summary>
    [SkippableFact]
    public void KlToClean_AtTheCleanImages_IsZero()
    {
        SkipWhereWrong();
        var losses = new List<double>();
        new Probe(run => losses.AddRange(run.With(AttackLoss.KlToClean).Gradient(run.Images).Loss.to(ScalarType.Float64).data<double>()))
            .Perturb(Network, Images, Labels, Low).Dispose();
        losses.Should().HaveCount(6).And.OnlyContain(loss => Math.Abs(loss) < 1e-7);
    }

    /// <summary>A loss that taps layers sees their maps in the dtype of the points, in the order that it knows.</summary>
    [SkippableFact]
    public void LossesThatTapLayers_SeeFloat32Maps()
    {
        SkipWhereWrong();
        using var teacher = TrainingWorld.Network(4);
        double Loss(AttackContext context)
        {
            var loss = 0.0;
            var ardir = new ArdirAttackLoss(Network, teacher, new() { Beta = 0.9 });
            new Probe(run => loss = run.With(ardir).Gradient(run.Images).Loss.sum().ToDouble()).Perturb(Network, Images, Labels, context).Dispose();
            return loss;
        }
        var (full, low) = (Loss(new AttackContext()), Loss(Low));
        (low / full - 1).Should().BeInRange(-0.05, 0.05).And.NotBe(0);
    }

    [Theory, InlineData("FAB"), InlineData("DeepFool"), InlineData("CW"), InlineData("Square")]
    public void AttacksThatCompareFinely_SearchInFullPrecision(string name)
    {
        var attack = Make(name);
        using var plain = attack.Perturb(Network, Images, Labels);
        using var low = attack.Perturb(Network, Images, Labels, Low);
        TensorAssert.Same(low, plain);
    }

    [Fact]
    public void ModelInFloat64_OrWithoutLayers_IsAttackedAsItIs()
    {
        Network.to(ScalarType.Float64);
        using var images = Images.to(ScalarType.Float64);
        using var plain = Make("APGD").Perturb(Network, images, Labels);
        using var low = Make("APGD").Perturb(Network, images, Labels, Low);
        TensorAssert.Same(low, plain);
        using var function = new FuncModel(x => x.flatten(1)[TensorIndex.Colon, TensorIndex.Slice(0, 4)]);
        Make("PGD").Perturb(function, Images, Labels, Low).Dispose();
    }

    /// <summary>1 + 2^-8 rounds to 1 in bfloat16, so that two classes tie and the lower one counts: nothing may count as found.</summary>
    [Fact]
    public void APointThatOnlyBFloat16Breaks_DoesNotCount_AndTheSearchGoesOn()
    {
        using var linear = nn.Linear(4, 3);
        using (no_grad())
        {
            linear.weight.zero_();
            linear.weight.narrow(0, 0, 1).fill_(1e-6);
            linear.bias!.copy_(tensor(new[] { 1, 1.00390625f, 0 }));
        }
        using var model = new FuncModel(x => linear.call(x.flatten(1)), linear);
        model.eval();
        using var images = full([2, 1, 2, 2], 0.5f);
        using var labels = ones(2, ScalarType.Int64);
        foreach (var name in new[] { "APGD", "PGD until broken" })
        {
            var reports = new ListProgress<AttackProgress>();
            using var found = Make(name).Perturb(model, images, labels, Low with { Progress = reports });
            reports.Reports[^1].Active.Should().Be(2, "both samples stay to the end");
            model.call(found).argmax(1).sum().ToInt64().Should().Be(2);
        }
        var result = RobustnessEvaluator.Evaluate(model, images, labels, Make("APGD"), new EvaluationOptions { Context = Low });
        (result.CleanAccuracy, result.RobustAccuracy).Should().Be((1, 1));
        result.Findings.Should().NotContain(finding => finding.Message.Contains("confirm"));
    }

    [SkippableFact]
    public void Shards_WithBFloat16_AreOne_AndAFailureGivesTheWeightsBack()
    {
        SkipWhereWrong();
        var threads = new HashSet<int>();
        var steps = 0;
        using var model = new FuncModel(
            x =>
            {
                threads.Add(Environment.CurrentManagedThreadId);
                var map = Network.call(x);
                return ++steps < 7 ? map : throw new InvalidTimeZoneException();
            },
            Network);
        model.eval();
        using var whole = Make("PGD").Perturb(model, Images, Labels, Low with { Shards = 2 });
        threads.Should().ContainSingle();
        FluentActions.Invoking(() => Make("PGD").Perturb(model, Images, Labels, Low)).Should().Throw<InvalidTimeZoneException>();
        Network.modules().OfType<Conv2d>().Should().OnlyContain(convolution => convolution.weight.dtype == ScalarType.Float32);
        Network.call(Images).dtype.Should().Be(ScalarType.Float32);
    }

    [Fact]
    public void UnknownValue_IsRefusedByName()
    {
        FluentActions.Invoking(() => new AttackContext { SearchPrecision = (SearchPrecision)7 }).Should().Throw<ArgumentOutOfRangeException>().WithMessage("*SearchPrecision*");
        FluentActions.Invoking(() => new DistillationTrainer(Network, null, new StandardTrainingLoss(), TrainingWorld.Options(1) with { SearchPrecision = (SearchPrecision)7 }))
            .Should().Throw<ArgumentException>().WithMessage("*SearchPrecision*");
    }

    private List<(string, nint, string)> Weights() =>
        [.. Network.named_parameters().Select(pair => (pair.name, pair.parameter.Handle, Fingerprint.Of(("weight", pair.parameter))))];

    private sealed class Probe(Action<AttackRun> look) : Attack(SearchesInBFloat16.Threat)
    {
        public override string Name => "probe";

        protected override bool AllowsLowPrecision => true;

        protected override Tensor Search(AttackRun run)
        {
            look(run);
            return run.Images.clone();
        }
    }
}
