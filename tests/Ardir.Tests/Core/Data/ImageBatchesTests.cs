using Ardir.Core;

namespace Ardir.Tests.Core.Data;

public sealed class ImageBatchesTests : IDisposable
{
    private readonly ImageDataset _data = Make(10);

    public void Dispose() => _data.Dispose();

    [Theory]
    [InlineData(4, false, 3), InlineData(4, true, 2), InlineData(5, false, 2), InlineData(5, true, 2), InlineData(100, false, 1), InlineData(int.MaxValue, false, 1)]
    public void Epoch_AnySize_ShowsEveryImageOnceWithItsLabel(int size, bool dropLast, int count)
    {
        var batches = new ImageBatches(_data, new ImageBatchOptions { BatchSize = size, DropLast = dropLast, Seed = 5 });
        batches.Count.Should().Be(count);
        var seen = new List<long>();
        foreach (var batch in batches.Epoch(0))
        {
            batch.Images.shape.Should().Equal(batch.Indices.Count, 1, 3, 3);
            TensorAssert.Longs(batch.Labels).Should().Equal(batch.Indices.Select(i => i % 3));
            batch.Images[.., 0, 0, 0].data<float>().ToArray().Should().Equal(batch.Indices.Select(i => 9 * i / 255f));
            seen.AddRange(batch.Indices);
        }
        seen.Should().OnlyHaveUniqueItems().And.HaveCount(dropLast ? count * size : 10);
    }

    [Fact]
    public void Epoch_Seeds_DecideTheOrder()
    {
        var batches = new ImageBatches(_data, new ImageBatchOptions { BatchSize = 3, Seed = 1 });
        Order(batches, 0).Should().Equal(Order(batches, 0)).And.NotEqual(Order(batches, 1)).And.NotBeInAscendingOrder();
        Order(new ImageBatches(_data, batches.Options with { Seed = 2 }), 0).Should().NotEqual(Order(batches, 0));
        Order(new ImageBatches(_data, batches.Options with { BatchSize = 7 }), 0).Should().Equal(Order(batches, 0), "the order is that of the epoch, not of the batches");
        Order(new ImageBatches(_data, batches.Options with { Shuffle = false }), 3).Should().Equal(Enumerable.Range(0, 10).Select(i => (long)i));
    }

    [Fact]
    public void Epoch_SkipAndStride_DealOutTheBatchesOfTheEpoch()
    {
        var batches = new ImageBatches(_data, new ImageBatchOptions { BatchSize = 3, Seed = 1 });
        var whole = Order(batches, 2).Chunk(3).ToList();
        for (var rank = 0; rank < 3; rank++)
            batches.Epoch(2, rank, stride: 3).Select(batch => batch.Indices).Should()
                .BeEquivalentTo(whole.Where((_, i) => i % 3 == rank), options => options.WithStrictOrdering());
        batches.Epoch(2, skip: 4, stride: 3).Should().BeEmpty();
        var none = () => batches.Epoch(2, 0, stride: 0);
        none.Should().Throw<ArgumentOutOfRangeException>().Which.ParamName.Should().Be("stride");
    }

    [Theory]
    [InlineData(CropPadding.Zero), InlineData(CropPadding.Reflect)]
    public void Epoch_Augmented_IsTheAugmentationOfTheSameImages(CropPadding padding)
    {
        using var scope = NewDisposeScope();
        var augmentation = new ImageAugmentation { Padding = 2, PaddingMode = padding };
        var batches = new ImageBatches(_data, new ImageBatchOptions { BatchSize = 4, Augmentation = augmentation, Seed = 9, DType = ScalarType.Float64 });
        var seed = SeedMixer.Mix(SeedMixer.Mix(9, 2UL), "augmentation");
        var changed = 0;
        foreach (var batch in batches.Epoch(2))
        {
            var plain = _data.Images.index_select(0, tensor(batch.Indices.ToArray()));
            TensorAssert.Close(batch.Images * 255, augmentation.Apply(plain, seed, batch.Indices).to(ScalarType.Float64), 1e-12);
            if ((batch.Images * 255 - plain).abs().max().ToDouble() > 0.5) changed++;
        }
        changed.Should().BeGreaterThan(0);
    }

    [Fact]
    public void Epoch_AfterTheLoopOrABreak_LeavesNoTensorBehind()
    {
        var batches = new ImageBatches(_data, new ImageBatchOptions { BatchSize = 4, Augmentation = new ImageAugmentation { Padding = 1 } });
        LeakAssert.None(() =>
        {
            foreach (var (images, labels) in batches.Epoch(0))
            {
                using var scope = NewDisposeScope();
                (images * 2).sum().ToDouble().Should().BeGreaterThan(0);
                labels.IsInvalid.Should().BeFalse();
            }
            foreach (var _ in batches.Epoch(1)) break;
        });
        Tensor? first = null;
        foreach (var (images, _) in batches.Epoch(0))
        {
            if (first is not null) first.IsInvalid.Should().BeTrue("a batch lives until the next");
            first = images;
        }
        first!.IsInvalid.Should().BeTrue();
    }

    [Fact]
    public void Epoch_InsideAScopeThatEndsInTheLoop_KeepsTheBatch()
    {
        var batches = new ImageBatches(_data, new ImageBatchOptions { BatchSize = 10 });
        foreach (var (images, labels) in batches.Epoch(0))
        {
            using (NewDisposeScope()) _ = images + 1;
            images.IsInvalid.Should().BeFalse();
            images.requires_grad.Should().BeFalse();
            labels.dtype.Should().Be(ScalarType.Int64);
        }
    }

    [Fact]
    public void Create_BadOptions_AreNamed()
    {
        var table = new (ImageBatchOptions Options, string Name)[]
        {
            (new ImageBatchOptions { BatchSize = 0 }, "BatchSize"), (new ImageBatchOptions { DType = ScalarType.Int32 }, "DType"), (new ImageBatchOptions { BatchSize = 11, DropLast = true }, "options"),
        };
        foreach (var (options, name) in table)
        {
            var create = () => new ImageBatches(_data, options);
            create.Should().Throw<ArgumentException>().WithParameterName(name);
        }
        var epoch = () => new ImageBatches(_data).Epoch(-1);
        epoch.Should().Throw<ArgumentOutOfRangeException>().WithParameterName("epoch");
    }

    private static long[] Order(ImageBatches batches, int epoch) => [.. batches.Epoch(epoch).SelectMany(batch => batch.Indices)];

    private static ImageDataset Make(int count) => new(
        tensor(Enumerable.Range(0, 9 * count).Select(i => (byte)i).ToArray(), [count, 1, 3, 3], ScalarType.Byte), tensor(Enumerable.Range(0, count).Select(i => (long)(i % 3)).ToArray()));
}
