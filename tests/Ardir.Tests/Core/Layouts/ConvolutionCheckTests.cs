using Ardir.Attacks;
using Ardir.Core;
using Ardir.Distillation;
using TorchSharp.Modules;

namespace Ardir.Tests;

/// <summary>A convolution that the processor computes wrongly is found and refused before it can make a result meaningless.</summary>
public sealed class ConvolutionCheckTests : IDisposable
{
    // Of a kind that no other test has, so that what is noted about it does no harm.
    private readonly Conv2d _rare = nn.Conv2d(1, 3, (3, 5), padding: (1L, 2L), dilation: (1L, 1L));
    private readonly FuncModel _model;

    private int _calls;

    public ConvolutionCheckTests() => _model = new FuncModel(
        x =>
        {
            _calls++;
            return cat([_rare.call(x), _rare.call(-x)], 1).mean([2, 3]);
        },
        _rare);

    public void Dispose()
    {
        ConvolutionCheck.Errors.TryRemove(Kind, out _);
        ConvolutionCheck.Errors.TryRemove(Kind with { IsChannelsLast = true }, out _);
        _model.Dispose();
        _rare.Dispose();
    }

    private ConvolutionKind Kind => ConvolutionKind.Of(_rare) with { IsChannelsLast = false };

    public static TheoryData<Func<Conv2d>> Convolutions => new()
    {
        () => nn.Conv2d(3, 8, 3, padding: 1L), () => nn.Conv2d(1, 4, 1), () => nn.Conv2d(24, 20, 5, stride: 2, padding: 2L), () => nn.Conv2d(8, 8, 3, groups: 8),
        () => nn.Conv2d(6, 12, 3, groups: 3, dilation: 2), () => nn.Conv2d(130, 90, (1, 3), padding: Padding.Same), () => nn.Conv2d(3, 5, 11, stride: 4, padding: 2L),
    };

    [Theory, MemberData(nameof(Convolutions))]
    public void Error_OfWhatLibtorchComputes_IsThatOfRounding(Func<Conv2d> make)
    {
        using var convolution = make();
        var kind = ConvolutionKind.Of(convolution);
        kind.Error(kind.Convolve).Should().BeLessThan(1e-5, kind.ToString());
        var low = kind with { DType = ScalarType.Float16 };
        low.Error((images, weight) => low.Convolve(images.to(ScalarType.Float32), weight.to(ScalarType.Float32)).to(images.dtype)).Should().BeInRange(1e-6, 0.01);
        LeakAssert.None(() => kind.Error(kind.Convolve));
    }

    [Fact]
    public void Of_TheSameKernel_IsTheSameKind()
    {
        using var convolution = nn.Conv2d(640, 333, (3, 1), padding: Padding.Same, dilation: (2L, 2L));
        using var twin = nn.Conv2d(64, 77, (3, 1), padding: (2L, 0L), dilation: (2L, 2L));
        ConvolutionKind.Of(convolution).Should().Be(ConvolutionKind.Of(twin));
        ConvolutionKind.Of(convolution).ToString().Should().Be("Conv2d(64, 77, 3x1, stride 1x1, padding 2x0) in Float32");
        using (new ChannelsLastScope(twin)) ConvolutionKind.Of(twin).IsChannelsLast.Should().BeTrue();
    }

    /// <summary>The output, the gradient of the images and that of the weight are compared each: a wrong one is off by what it lacks.</summary>
    [Theory, InlineData(0.75, 1, 1, 0.25), InlineData(1, 0.5, 1, 0.5), InlineData(1, 1, 0.9, 0.1), InlineData(1, double.NaN, 1, 1)]
    public void Error_OfAWrongPart_IsItsSize(double output, double image, double weight, double expected)
    {
        Tensor Wrong(Tensor images, Tensor filter)
        {
            if (images.dtype == ScalarType.Float64) return Kind.Convolve(images, filter);
            var right = Kind.Convolve(images, filter);
            // The value of one term, the gradients of others.
            var (ofImages, ofFilter) = (Kind.Convolve(images, filter.detach()), Kind.Convolve(images.detach(), filter));
            return right.detach() * output + (ofImages - ofImages.detach()) * image + (ofFilter - ofFilter.detach()) * weight;
        }
        Kind.Error(Wrong).Should().BeApproximately(expected, 1e-5);
    }

    [Fact]
    public void RightModels_Pass()
    {
        ConvolutionCheck.Ensure(_model);
        ConvolutionCheck.Errors.Should().ContainKey(Kind).WhoseValue.Should().BeLessThan(1e-5);
        using var linear = TinyModels.Linear();
        ConvolutionCheck.Ensure(linear);
        ConvolutionCheck.Find(_model, ScalarType.Float64).Should().BeNull();
        FluentActions.Invoking(() => ConvolutionCheck.Ensure(null!)).Should().Throw<ArgumentNullException>();
    }

    [Fact]
    public void WrongModel_IsRefusedByAttackEvaluationAndTrainer_BeforeItIsCalled()
    {
        ConvolutionCheck.Errors[Kind] = 0.7;
        using var data = new ImageDataset(randint(0, 256, [8, 1, 6, 6], ScalarType.Byte), arange(8).remainder(6));
        var (images, labels) = data.Batch([0, 1, 2, 3]);
        var attack = new FgsmAttack(ThreatModel.Linf(0.1));
        var context = new AttackContext { MemoryFormat = MemoryFormat.Contiguous };
        Action[] uses =
        [
            () => attack.Perturb(_model, images, labels, context),
            () => RobustnessEvaluator.Evaluate(_model, data, attack, new EvaluationOptions { Context = context }),
            () => new AutoAttack(ThreatModel.Linf(0.1)).Evaluate(_model, images, labels, context),
            () =>
            {
                using var trainer = new DistillationTrainer(_model, null, new StandardTrainingLoss(), new TrainerOptions { Epochs = 1, Milestones = [], MemoryFormat = MemoryFormat.Contiguous });
                trainer.Fit(data);
            },
        ];
        foreach (var use in uses)
            use.Should().Throw<PlatformNotSupportedException>().WithMessage("*Conv2d(1, 3, 3x5, stride 1x1, padding 1x2) in Float32 is off by up to 70*ONEDNN_MAX_CPU_ISA=SSE41*MemoryFormat.ChannelsLast*");
        _calls.Should().Be(0);

        // In the other order it is right.
        using (new ChannelsLastScope(_model)) ConvolutionCheck.Ensure(_model);
        attack.Perturb(_model, images, labels, context with { MemoryFormat = MemoryFormat.ChannelsLast }).Dispose();
        ConvolutionCheck.Errors[Kind with { IsChannelsLast = true }] = 0.7;
        FluentActions.Invoking(() => ConvolutionCheck.Ensure(_model)).Should().Throw<PlatformNotSupportedException>().Which.Message.Should().NotContain("ChannelsLast");
        labels.Dispose();
        images.Dispose();
    }

    /// <summary>Errors that depend on what lies in memory are looked for where they show each time (docs/backends.md).</summary>
    [Fact]
    public void Kind_WithAFewOutputs_IsAsRightAsOneWhoseErrorsShow()
    {
        var revealing = Kind.Revealing!;
        revealing.Should().Be(Kind with { Inputs = 20, Outputs = 20 });
        revealing.Revealing.Should().BeNull();
        (Kind with { Outputs = 32 }).Revealing.Should().BeNull("only outputs that do not fill a vector are padded");
        (Kind with { Kernel = (1, 1) }).Revealing.Should().BeNull();
        (Kind with { Groups = 3 }).Revealing.Should().BeNull();

        ConvolutionCheck.Errors[revealing] = 0.6;
        try
        {
            FluentActions.Invoking(() => ConvolutionCheck.Ensure(_model)).Should().Throw<PlatformNotSupportedException>().WithMessage("*Conv2d(1, 3,*is off by up to 60*");
        }
        finally
        {
            ConvolutionCheck.Errors.TryRemove(revealing, out _);
        }
    }

    [Fact]
    public void OtherDtypes_AreReported_ButNotRefused()
    {
        _model.to(ScalarType.BFloat16);
        var low = Kind;
        ConvolutionCheck.Errors[low] = 0.7;
        try
        {
            ConvolutionCheck.Ensure(_model);
            ConvolutionCheck.Find(_model, ScalarType.BFloat16).Should().Contain("in BFloat16 is off by up to 70");
            ConvolutionCheck.Find(_model, ScalarType.Float32).Should().BeNull();
        }
        finally
        {
            ConvolutionCheck.Errors.TryRemove(low, out _);
        }
    }
}
