using Ardir.Attacks;
using Ardir.Core;
using Ardir.Distillation;
using TorchSharp.Modules;

namespace Ardir.Tests;

/// <summary>Attacks that follow gradients in bfloat16, and what they find, judged in the precision of the model.</summary>
public sealed class SearchPrecisionTests : IDisposable
{
    private static readonly NormThreatModel _threat = ThreatModel.Linf(0.1);
    private static readonly AttackContext _low = new() { SearchPrecision = SearchPrecision.BFloat16 };

    private readonly DisposeScope _scope = NewDisposeScope();
    private readonly nn.Module<Tensor, Tensor> _network = TrainingWorld.Network(3);
    private readonly Tensor _images = TinyModels.Images(6);
    private readonly Tensor _labels;

    public SearchPrecisionTests()
    {
        _network.eval();
        _labels = TinyModels.Predicted(_network, _images);
        if (ConvolutionCheck.Find(_network, ScalarType.BFloat16) is { } problem) Wrong = problem;
    }

    // Of this processor; such models are refused, and nothing else can be tested with them.
    private string? Wrong { get; }

    public void Dispose()
    {
        _network.Dispose();
        _scope.Dispose();
    }

    private static IAttack Make(string name) => name switch
    {
        "FGSM" => new FgsmAttack(_threat),
        "MI-FGSM" => new MiFgsmAttack(_threat, new MiFgsmOptions { Steps = 4 }),
        "PGD" => new PgdAttack(_threat, new PgdOptions { Steps = 4 }),
        "PGD until broken" => new PgdAttack(_threat, new PgdOptions { Steps = 4, Selection = PgdSelection.FirstSuccess }),
        "APGD" => new ApgdAttack(_threat, new ApgdOptions { Search = new() { Iterations = 6 } }),
        "APGD-T" => new TargetedApgdAttack(_threat, new TargetedApgdOptions { Classes = 2, Search = new() { Iterations = 6 } }),
        "FAB" => new FabAttack(_threat, new FabOptions { Iterations = 4 }),
        "DeepFool" => new DeepFoolAttack(ThreatModel.L2(1)),
        "CW" => new CarliniWagnerAttack(ThreatModel.L2(1), new CarliniWagnerOptions { Iterations = 4, SearchSteps = 1 }),
        _ => new SquareAttack(_threat, new SquareOptions { Queries = 10 }),
    };

    [SkippableFact]
    public void Perturb_LayersComputeInBFloat16_AndEverythingIsAsBeforeAfterwards()
    {
        SkipWhereWrong();
        var dtypes = new HashSet<(ScalarType Input, ScalarType Weight)>();
        foreach (var convolution in _network.modules().OfType<Conv2d>())
            convolution.register_forward_pre_hook((_, input) => { dtypes.Add((input.dtype, convolution.weight.dtype)); return null!; });
        var before = Weights();
        foreach (var name in (string[])["FGSM", "MI-FGSM", "PGD", "PGD until broken", "APGD", "APGD-T"])
        {
            var attack = Make(name);
            dtypes.Clear();
            using var found = attack.Perturb(_network, _images, _labels, _low);
            dtypes.Should().Contain(entry => entry.Weight == ScalarType.BFloat16, name);
            found.dtype.Should().Be(ScalarType.Float32);
            _threat.Contains(_images, found).all().ToBoolean().Should().BeTrue(name);
            Weights().Should().Equal(before);
            dtypes.Clear();
            attack.Perturb(_network, _images, _labels).Dispose();
            dtypes.Should().Equal([(ScalarType.Float32, ScalarType.Float32)], name);
            LeakAssert.None(() => attack.Perturb(_network, _images, _labels, _low).Dispose());
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
            probe.Perturb(_network, _images, _labels, context).Dispose();
            return here;
        }
        var (full, low) = (At(new AttackContext()), At(_low));
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
            .Perturb(_network, _images, _labels, _low).Dispose();
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
            var ardir = new ArdirAttackLoss(_network, teacher, new() { Beta = 0.9 });
            new Probe(run => loss = run.With(ardir).Gradient(run.Images).Loss.sum().ToDouble()).Perturb(_network, _images, _labels, context).Dispose();
            return loss;
        }
        var (full, low) = (Loss(new AttackContext()), Loss(_low));
        (low / full - 1).Should().BeInRange(-0.05, 0.05).And.NotBe(0);
    }

    [Theory, InlineData("FAB"), InlineData("DeepFool"), InlineData("CW"), InlineData("Square")]
    public void AttacksThatCompareFinely_SearchInFullPrecision(string name)
    {
        var attack = Make(name);
        using var plain = attack.Perturb(_network, _images, _labels);
        using var low = attack.Perturb(_network, _images, _labels, _low);
        TensorAssert.Same(low, plain);
    }

    [Fact]
    public void ModelInFloat64_OrWithoutLayers_IsAttackedAsItIs()
    {
        _network.to(ScalarType.Float64);
        using var images = _images.to(ScalarType.Float64);
        using var plain = Make("APGD").Perturb(_network, images, _labels);
        using var low = Make("APGD").Perturb(_network, images, _labels, _low);
        TensorAssert.Same(low, plain);
        using var function = new FuncModel(x => x.flatten(1)[TensorIndex.Colon, TensorIndex.Slice(0, 4)]);
        Make("PGD").Perturb(function, _images, _labels, _low).Dispose();
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
            using var found = Make(name).Perturb(model, images, labels, _low with { Progress = reports });
            reports.Reports[^1].Active.Should().Be(2, "both samples stay to the end");
            model.call(found).argmax(1).sum().ToInt64().Should().Be(2);
        }
        var result = RobustnessEvaluator.Evaluate(model, images, labels, Make("APGD"), new EvaluationOptions { Context = _low });
        (result.CleanAccuracy, result.RobustAccuracy).Should().Be((1, 1));
        result.Findings.Should().NotContain(finding => finding.Message.Contains("confirm"));
    }

    [SkippableFact]
    public void Ensembles_OnTheRobustNetwork_FindTheSameImages_AndTheReportSaysSo()
    {
        using var robust = FashionModel.Robust();
        robust.eval();
        if (ConvolutionCheck.Find(robust, ScalarType.BFloat16) is { } problem) throw new SkipTestException(problem);
        var (images, labels) = FashionModel.Images(48);
        var ensemble = new AutoAttack(_threat, new AutoAttackOptions
        {
            Version = AutoAttackVersion.Custom, Diagnose = false, BatchSize = 48,
            Attacks = [new ApgdAttack(_threat, new ApgdOptions { Search = new() { Iterations = 15 } }), new TargetedApgdAttack(_threat, new TargetedApgdOptions { Classes = 2, Search = new() { Iterations = 15 } })],
        });
        using var plain = ensemble.Evaluate(robust, images, labels);
        using var low = ensemble.Evaluate(robust, images, labels, _low with { MemoryFormat = MemoryFormat.ChannelsLast });
        low.Robust.Should().Equal(plain.Robust);
        low.Findings.Should().BeEmpty();
        using var folder = new TemporaryFolder();
        foreach (var (report, says) in new[] { (plain, false), (low, true) })
        {
            report.SaveMarkdown(folder.File("r.md"));
            report.SaveHtml(folder.File("r.html"));
            report.SaveJson(folder.File("r.json"));
            foreach (var file in new[] { "r.md", "r.html" }) File.ReadAllText(folder.File(file)).Contains("Gradients were followed in BFloat16").Should().Be(says);
            JsonReport.Read(folder.File("r.json")).SearchPrecision.Should().Be(says ? "BFloat16" : null);
        }
        labels.Dispose();
        images.Dispose();
    }

    [SkippableFact]
    public void State_OfAnotherPrecision_IsRefused()
    {
        SkipWhereWrong();
        using var folder = new TemporaryFolder();
        var ensemble = new AutoAttack(_threat, new AutoAttackOptions { Version = AutoAttackVersion.Custom, Attacks = [Make("APGD")], Diagnose = false, StatePath = folder.File("state") });
        using var stop = new CancellationTokenSource();
        var cancelling = _low with { CancellationToken = stop.Token, Progress = new ListProgress<AttackProgress>(_ => stop.Cancel()) };
        FluentActions.Invoking(() => ensemble.Evaluate(_network, _images, _labels, cancelling)).Should().Throw<OperationCanceledException>();
        FluentActions.Invoking(() => ensemble.Evaluate(_network, _images, _labels)).Should().Throw<InvalidOperationException>().WithMessage("*search precision*");
        ensemble.Evaluate(_network, _images, _labels, _low).Dispose();
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
                var map = _network.call(x);
                return ++steps < 7 ? map : throw new InvalidTimeZoneException();
            },
            _network);
        model.eval();
        using var whole = Make("PGD").Perturb(model, _images, _labels, _low with { Shards = 2 });
        threads.Should().ContainSingle();
        FluentActions.Invoking(() => Make("PGD").Perturb(model, _images, _labels, _low)).Should().Throw<InvalidTimeZoneException>();
        _network.modules().OfType<Conv2d>().Should().OnlyContain(convolution => convolution.weight.dtype == ScalarType.Float32);
        _network.call(_images).dtype.Should().Be(ScalarType.Float32);
    }

    [SkippableFact]
    public void Trainer_CraftsInBFloat16_AndIsRecognisedByIt()
    {
        SkipWhereWrong();
        using var data = TrainingWorld.Data();
        using var folder = new TemporaryFolder();
        EpochMetrics Fit(SearchPrecision precision, string? checkpoints, int epochs)
        {
            using var student = TrainingWorld.Network();
            using var trainer = new DistillationTrainer(student, null, new AdversarialTrainingLoss(), TrainingWorld.Options(epochs) with
            {
                SearchPrecision = precision, CheckpointDirectory = checkpoints, Crafting = new PrescribedCrafting(ThreatModel.Linf(TrainingWorld.Epsilon)),
            });
            return trainer.Fit(data).Last;
        }
        var (full, low) = (Fit(SearchPrecision.Full, null, 1), Fit(SearchPrecision.BFloat16, folder.Path, 1));
        low.TrainLoss.Should().NotBe(full.TrainLoss).And.BeApproximately(full.TrainLoss, 0.02);
        FluentActions.Invoking(() => Fit(SearchPrecision.Full, folder.Path, 2)).Should().Throw<InvalidOperationException>().WithMessage("*SearchPrecision*");
        Fit(SearchPrecision.BFloat16, folder.Path, 2).Epoch.Should().Be(1);
    }

    [Fact]
    public void UnknownValue_IsRefusedByName()
    {
        FluentActions.Invoking(() => new AttackContext { SearchPrecision = (SearchPrecision)7 }).Should().Throw<ArgumentOutOfRangeException>().WithMessage("*SearchPrecision*");
        FluentActions.Invoking(() => new DistillationTrainer(_network, null, new StandardTrainingLoss(), TrainingWorld.Options(1) with { SearchPrecision = (SearchPrecision)7 }))
            .Should().Throw<ArgumentException>().WithMessage("*SearchPrecision*");
    }

    private List<(string, nint, string)> Weights() =>
        [.. _network.named_parameters().Select(pair => (pair.name, pair.parameter.Handle, Fingerprint.Of(("weight", pair.parameter))))];

    private void SkipWhereWrong()
    {
        if (Wrong is { } problem) throw new SkipTestException(problem);
    }

    private sealed class Probe(Action<AttackRun> look) : Attack(_threat)
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
