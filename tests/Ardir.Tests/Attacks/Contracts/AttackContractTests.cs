using Ardir.Attacks;
using TorchSharp.Modules;

namespace Ardir.Tests;

/// <summary>What every attack promises, whatever it does inside.</summary>
public sealed class AttackContractTests
{
    public static TheoryData<string> Attacks => AttackCases.Names;

    /// <summary>All but the chains, whose reports are those of the attacks in them.</summary>
    public static TheoryData<string> SingleAttacks => [.. AttackCases.All.Where(name => !name.StartsWith("chain", StringComparison.Ordinal))];

    [Theory]
    [MemberData(nameof(Attacks))]
    public void Perturb_AnyFloatingDtype_StaysInTheThreatSetAndInTheDtype(string name)
    {
        foreach (var dtype in new[] { ScalarType.Float32, ScalarType.Float64, ScalarType.BFloat16, ScalarType.Float16 })
        {
            using var scope = NewDisposeScope();
            using var model = TinyModels.Smooth(dtype: dtype);
            var images = TinyModels.Images(6, dtype, low: -0.2, high: 1.2).clamp(0, 1);
            var labels = TinyModels.Predicted(model, images);
            var (imagesBefore, labelsBefore) = (images.clone(), labels.clone());
            var attack = AttackCases.Create(name);

            var result = attack.Perturb(model, images, labels);

            TensorAssert.AllTrue(attack.Threat.Contains(images, result));
            result.dtype.Should().Be(dtype);
            result.device_type.Should().Be(images.device_type);
            result.requires_grad.Should().BeFalse();
            TensorAssert.Different(result, images);
            TensorAssert.Same(images, imagesBefore);
            TensorAssert.Same(labels, labelsBefore);
            result.add_(1);
            TensorAssert.Same(images, imagesBefore);
        }
    }

    [Theory]
    [MemberData(nameof(Attacks))]
    public void Perturb_ModelInMixedModes_LeavesModesStatisticsAndGradientsAlone(string name)
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Smooth();
        model.train();
        var norm = (BatchNorm2d)model.children().ElementAt(1);
        norm.eval();
        var statistics = norm.running_mean!.clone();
        model.parameters().First().requires_grad = false;

        var images = TinyModels.Images(6);
        AttackCases.Create(name).Perturb(model, images, TinyModels.Predicted(model, images));

        model.training.Should().BeTrue();
        model.children().Select(child => child.training).Should().Equal(true, false, true, true, true, true);
        TensorAssert.Same(norm.running_mean!, statistics);
        model.parameters().Should().OnlyContain(parameter => ReferenceEquals(parameter.grad, null));
        model.parameters().Select(parameter => parameter.requires_grad).Should().Equal(false, true, true, true, true, true);
    }

    [Theory]
    [MemberData(nameof(Attacks))]
    public void Perturb_ManyTimes_LeavesNoTensorBehind(string name)
    {
        using var model = TinyModels.Smooth();
        using var images = TinyModels.Images(6);
        using var labels = TinyModels.Predicted(model, images);
        var attack = AttackCases.Create(name);
        LeakAssert.None(() => attack.Perturb(model, images, labels).Dispose());
    }

    [Theory]
    [MemberData(nameof(Attacks))]
    public void Perturb_CancelledOrFailing_LeavesNoTensorBehind(string name)
    {
        using var model = TinyModels.Smooth();
        using var images = TinyModels.Images(6);
        using var labels = TinyModels.Predicted(model, images);
        var attack = AttackCases.Create(name);
        LeakAssert.None(() =>
        {
            using var source = new CancellationTokenSource();
            using var stopping = new FuncModel(x =>
            {
                source.Cancel();
                var logits = model.call(x);
                return (logits * double.NaN).alias();
            });
            var act = () => attack.Perturb(stopping, images, labels, new AttackContext { CancellationToken = source.Token });
            act.Should().Throw<Exception>().Where(e => e is OperationCanceledException || e is InvalidOperationException);
        });
    }

    [Theory]
    [MemberData(nameof(Attacks))]
    public void Perturb_SameSeed_SameResultUnderAnyGradMode(string name)
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Smooth();
        model.train();
        var images = TinyModels.Images(6);
        var labels = TinyModels.Predicted(model, images);
        var attack = AttackCases.Create(name);
        var context = new AttackContext { Seed = 42 };
        var first = attack.Perturb(model, images, labels, context);
        TensorAssert.Same(attack.Perturb(model, images, labels, context), first);
        var generator = torch.random.get_rng_state();
        using (no_grad()) TensorAssert.Same(attack.Perturb(model, images, labels, context), first);
        TensorAssert.Same(attack.Perturb(model, images.detach().requires_grad_(), labels, context), first);
        TensorAssert.Same(torch.random.get_rng_state(), generator);
        is_grad_enabled().Should().BeTrue();
    }

    [Theory]
    [MemberData(nameof(Attacks))]
    public void Perturb_AnyBatching_GivesTheSameImages(string name)
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Smooth(dtype: ScalarType.Float64);
        var images = TinyModels.Images(6, ScalarType.Float64);
        var labels = TinyModels.Predicted(model, images);
        var attack = AttackCases.Create(name);
        var all = attack.Perturb(model, images, labels, new AttackContext { Seed = 9 });
        foreach (var size in new[] { 1, 2, 3 })
        {
            for (var at = 0; at < 6; at += size)
            {
                var context = new AttackContext { Seed = 9, SampleIndices = [.. Enumerable.Range(at, size).Select(i => (long)i)] };
                var part = attack.Perturb(model, images.narrow(0, at, size), labels.narrow(0, at, size), context);
                TensorAssert.Close(part, all.narrow(0, at, size), 1e-12);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Attacks))]
    public void Perturb_Cancelled_StopsBeforeOrInTheMiddle(string name)
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Smooth();
        model.train();
        var images = TinyModels.Images(6);
        var labels = TinyModels.Predicted(model, images);
        var attack = AttackCases.Create(name);
        var calls = 0;
        using var source = new CancellationTokenSource();
        using var watched = new FuncModel(x =>
        {
            calls++;
            source.Cancel();
            return model.call(x);
        }, model);
        var context = new AttackContext { CancellationToken = source.Token };
        if (!name.StartsWith("FGSM", StringComparison.Ordinal))
        {
            var middle = () => attack.Perturb(watched, images, labels, context);
            middle.Should().Throw<OperationCanceledException>();
            calls.Should().Be(1);
        }
        source.Cancel();
        calls = 0;
        var before = () => attack.Perturb(watched, images, labels, context);
        before.Should().Throw<OperationCanceledException>();
        calls.Should().Be(0);
        model.training.Should().BeTrue();
    }

    [Theory]
    [MemberData(nameof(Attacks))]
    public void Perturb_BadInput_RefusedBeforeAnyWork(string name)
    {
        using var scope = NewDisposeScope();
        var attack = AttackCases.Create(name);
        using var model = new FuncModel(_ => throw new InvalidOperationException("the model must not run"));
        var act = () => attack.Perturb(model, zeros(2, 1, 4, 4), tensor([0, 1], ScalarType.Int32));
        act.Should().Throw<ArgumentException>().WithParameterName("labels");
        act = () => attack.Perturb(model, full([2, 1, 4, 4], float.NaN), tensor([0L, 1L]));
        act.Should().Throw<ArgumentException>().WithParameterName("images");
        act = () => attack.Perturb(null!, zeros(2, 1, 4, 4), tensor([0L, 1L]));
        act.Should().Throw<ArgumentNullException>().WithParameterName("model");
    }

    [Theory]
    [MemberData(nameof(SingleAttacks))]
    public void Perturb_Reports_NameAndMonotoneCounts(string name)
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Smooth();
        var progress = new ListProgress<AttackProgress>();
        var attack = AttackCases.Create(name);
        var images = TinyModels.Images(3);
        attack.Perturb(model, images, TinyModels.Predicted(model, images), new AttackContext { Progress = progress });
        progress.Reports.Should().NotBeEmpty().And.OnlyContain(report =>
            report.Attack == attack.Name && report.Step >= 1 && report.Step <= report.Steps && report.Active >= 1 && report.Active <= 3);
        progress.Reports.Select(report => report.SampleForwards).Should().BeInAscendingOrder();
        progress.Reports.Select(report => report.SampleBackwards).Should().BeInAscendingOrder();
    }

    [GpuFact]
    public void Perturb_OnCuda_MatchesTheCpu()
    {
        foreach (var name in AttackCases.All)
        {
            using var scope = NewDisposeScope();
            using var model = TinyModels.Smooth(dtype: ScalarType.Float64);
            var images = TinyModels.Images(6, ScalarType.Float64);
            var labels = TinyModels.Predicted(model, images);
            var attack = AttackCases.Create(name);
            var onCpu = attack.Perturb(model, images, labels);
            model.cuda();
            var onGpu = attack.Perturb(model, images.cuda(), labels.cuda());
            onGpu.device_type.Should().Be(DeviceType.CUDA);
            TensorAssert.Close(onGpu, onCpu, 1e-6);
        }
    }
}
