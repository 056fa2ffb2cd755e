using Ardir.Core;
using TorchSharp.Modules;

namespace Ardir.Tests;

/// <summary>Kept outputs are those of a pass, for any images in any order.</summary>
public sealed class OutputCacheTests : IDisposable
{
    private const int Images = 20;

    private readonly ImageDataset _data = TrainingWorld.Data(Images);
    private readonly PreActResNet _network = TrainingWorld.Network(9);
    private readonly IFeatureTap _tap;

    public OutputCacheTests() => _tap = FeatureTap.AttachFrozen(_network, "layer*");

    public void Dispose()
    {
        _tap.Dispose();
        _network.Dispose();
        _data.Dispose();
    }

    // Logits of 3 classes, 4 maps of 8x8 and 8 maps of 4x4, each a float32.
    private static long Bytes => Images * 4 * (3 + 4 * 8 * 8 + 8 * 4 * 4);

    [Theory]
    [InlineData(7, true)]
    [InlineData(20, false)]
    [InlineData(64, true)]
    public void Select_AnyImages_IsWhatAPassOfThemGives(int batchSize, bool shuffle)
    {
        using var scope = NewDisposeScope();
        using var cache = OutputCache.TryFill(_tap, Batches(batchSize, shuffle), long.MaxValue)!;
        cache.Count.Should().Be(Images);
        long[] samples = [19, 3, 3, 0, 11];
        var (images, _) = _data.Batch(samples);
        var (expected, actual) = (_tap.Forward(images), cache.Select(samples));
        TensorAssert.Close(actual.Output, expected.Output, 1e-5);
        actual.Features.Layers.Should().Equal(expected.Features.Layers);
        foreach (var (map, other) in actual.Features.Zip(expected.Features)) TensorAssert.Close(map, other, 1e-5);
        actual.Features.Select(["layer2"]).Layers.Should().Equal(["layer2"], "a cached output serves several losses, as one of a tap does");
    }

    [Fact]
    public void TryFill_BudgetOfExactlyWhatIsNeeded_FitsAndOneByteLessDoesNot()
    {
        OutputCache.BytesNeeded(_tap, Batches(8)).Should().Be(Bytes);
        OutputCache.TryFill(_tap, Batches(8), Bytes - 1).Should().BeNull();
        using var cache = OutputCache.TryFill(_tap, Batches(8), Bytes)!;
        cache.Bytes.Should().Be(Bytes);
    }

    [Fact]
    public void Cache_LeavesNoTensorBehind()
    {
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        LeakAssert.None(() =>
        {
            using (var cache = OutputCache.TryFill(_tap, Batches(8), long.MaxValue)!)
            using (cache.Select([1, 2]))
            {
            }
            using (NewDisposeScope())
            using (var cache = OutputCache.TryFill(_tap, Batches(8), long.MaxValue)!) cache.Select([1, 2]);
            OutputCache.TryFill(_tap, Batches(8), 10);
            OutputCache.BytesNeeded(_tap, Batches(8));
            FluentActions.Invoking(() => OutputCache.TryFill(_tap, Batches(8), long.MaxValue, cancelled.Token)).Should().Throw<OperationCanceledException>();
            FluentActions.Invoking(() => OutputCache.TryFill(new OddTap(_tap, after: 2), Batches(8), long.MaxValue)).Should().Throw<InvalidOperationException>();
        });
    }

    [Fact]
    public void Select_OutlivesTheScopeInWhichTheCacheWasMade()
    {
        OutputCache cache;
        using (NewDisposeScope()) cache = OutputCache.TryFill(_tap, Batches(8), long.MaxValue)!;
        using (cache)
        using (var first = cache.Select([0])) first.Output.shape.Should().Equal(1, 3);
    }

    [Fact]
    public void Misuse_IsNamed()
    {
        using var cache = OutputCache.TryFill(_tap, Batches(8), long.MaxValue)!;
        FluentActions.Invoking(() => cache.Select([20])).Should().Throw<ArgumentOutOfRangeException>().WithMessage("*images 0 to 19*");
        FluentActions.Invoking(() => cache.Select([-1])).Should().Throw<ArgumentOutOfRangeException>();
        FluentActions.Invoking(() => cache.Select([])).Should().Throw<ArgumentOutOfRangeException>().WithMessage("*no samples*");
        FluentActions.Invoking(() => OutputCache.TryFill(_tap, Batches(8), -1)).Should().Throw<ArgumentOutOfRangeException>();
        var augmented = new ImageBatches(_data, new() { Augmentation = new() { Padding = 1 } });
        FluentActions.Invoking(() => OutputCache.TryFill(_tap, augmented, 1000)).Should().Throw<ArgumentException>().WithMessage("*other images in every epoch*");
        var partial = new ImageBatches(_data, new() { BatchSize = 8, DropLast = true });
        FluentActions.Invoking(() => OutputCache.BytesNeeded(_tap, partial)).Should().Throw<ArgumentException>().WithMessage("*DropLast*");
        using var student = FeatureTap.Attach(_network);
        FluentActions.Invoking(() => OutputCache.TryFill(student, Batches(8), 1000)).Should().Throw<ArgumentException>().WithMessage("*AttachFrozen*");
    }

    [Fact]
    public void TryFill_OutputThatDoesNotCountItsImages_IsNamed()
    {
        using var scope = NewDisposeScope();
        using var flat = FeatureTap.AttachFrozen(nn.Flatten(0, 1));
        FluentActions.Invoking(() => OutputCache.TryFill(flat, Batches(8, channels: 2), long.MaxValue)).Should().Throw<InvalidOperationException>().WithMessage("*For 8 images*[16*");
        FluentActions.Invoking(() => OutputCache.TryFill(new OddTap(_tap, after: 1), Batches(8), long.MaxValue))
            .Should().Throw<InvalidOperationException>().WithMessage("*[8,5]*[20,3]*only the first dimension*");
    }

    private ImageBatches Batches(int size, bool shuffle = false, int channels = 1)
    {
        if (channels == 1) return new(_data, new() { BatchSize = size, Shuffle = shuffle });
        return new(new ImageDataset(zeros([Images, channels, 8, 8], uint8), zeros(Images, int64)), new() { BatchSize = size, Shuffle = shuffle });
    }

    /// <summary>Answers with another number of classes from some call on.</summary>
    private sealed class OddTap(IFeatureTap tap, int after) : IFeatureTap
    {
        private int _calls;

        public IReadOnlyList<string> Layers => tap.Layers;

        public TappedOutput Forward(Tensor input) => _calls++ < after ? tap.Forward(input) : new(zeros(input.shape[0], 5), new([("layer1", zeros(input.shape[0])), ("layer2", zeros(input.shape[0]))]));

        public void Dispose()
        {
        }
    }
}
