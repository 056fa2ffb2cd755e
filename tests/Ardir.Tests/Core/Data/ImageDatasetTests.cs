using Ardir.Core;

namespace Ardir.Tests;

public sealed class ImageDatasetTests
{
    [Fact]
    public void Batch_SomeIndices_ScalesPixelsAndKeepsTheOrder()
    {
        using var data = Make(5);
        using var scope = NewDisposeScope();
        var (images, labels) = data.Batch([4, 0, 4]);
        images.shape.Should().Equal(3, 1, 2, 2);
        images.dtype.Should().Be(ScalarType.Float32);
        float[] expected = [16, 17, 18, 255, 0, 1, 2, 3, 16, 17, 18, 255];
        images.data<float>().ToArray().Should().Equal(expected.Select(pixel => pixel / 255f));
        TensorAssert.Longs(labels).Should().Equal(1, 0, 1);
        TensorAssert.Close(data.Batch([4], ScalarType.Float64).Images.flatten(), [16 / 255.0, 17 / 255.0, 18 / 255.0, 1], 0);
        data.Batch([4], ScalarType.BFloat16).Images.dtype.Should().Be(ScalarType.BFloat16);
        data.Images.dtype.Should().Be(ScalarType.Byte);
        data.Count.Should().Be(5);
    }

    [Fact]
    public void Batch_BadIndices_Refused()
    {
        using var data = Make(5);
        foreach (var indices in new long[][] { [], [5], [-1], [0, 99] })
        {
            var act = () => data.Batch(indices);
            act.Should().Throw<ArgumentOutOfRangeException>().WithParameterName("indices");
        }
    }

    [Fact]
    public void Batch_ManyTimes_LeavesNoTensorBehind()
    {
        using var data = Make(5);
        foreach (var dtype in new[] { ScalarType.Float32, ScalarType.Float64, ScalarType.Float16 })
        {
            LeakAssert.None(() =>
            {
                var (images, labels) = data.Batch([1, 2], dtype);
                images.Dispose();
                labels.Dispose();
            });
        }
    }

    [Fact]
    public void Create_BadTensors_NamesTheArgument()
    {
        using var scope = NewDisposeScope();
        var images = zeros([2, 1, 2, 2], ScalarType.Byte);
        var labels = tensor([0L, 1L]);
        var table = new (Tensor Images, Tensor Labels, string Name)[]
        {
            (zeros(2, 1, 2, 2), labels, "images"), (zeros([2, 4], ScalarType.Byte), labels, "images"),
            (zeros([0, 1, 2, 2], ScalarType.Byte), zeros([0], ScalarType.Int64), "images"), (null!, labels, "images"),
            (images, tensor([0L]), "labels"), (images, tensor([0, 1]), "labels"), (images, tensor([0L, -1L]), "labels"), (images, null!, "labels"),
        };
        foreach (var (badImages, badLabels, name) in table)
        {
            var act = () => new ImageDataset(badImages, badLabels);
            act.Should().Throw<ArgumentException>().WithParameterName(name);
        }
        var names = () => new ImageDataset(images, tensor([0L, 2L]), ["a", "b"]);
        names.Should().Throw<ArgumentException>().WithParameterName("labels").WithMessage("*2 classes*");
    }

    [Fact]
    public void ClassNames_NotGiven_AreTheNumbersUpToTheHighestLabel()
    {
        using var data = new ImageDataset(zeros([2, 1, 2, 2], ScalarType.Byte), tensor([0L, 3L]));
        data.ClassNames.Should().Equal("0", "1", "2", "3");
    }

    [Fact]
    public void Create_InsideAScope_SurvivesIt()
    {
        ImageDataset data, part, taken, moved;
        using (NewDisposeScope())
        {
            data = Make(4);
            part = data.Subset([2, 1]);
            taken = data.Take(3);
            moved = data.To(CPU);
        }
        foreach (var set in new[] { data, part, taken, moved })
        {
            set.Images.IsInvalid.Should().BeFalse();
            set.Labels.IsInvalid.Should().BeFalse();
            set.Dispose();
            set.Images.IsInvalid.Should().BeTrue();
        }
    }

    [Fact]
    public void SubsetTakeTo_AnySet_AreIndependentCopies()
    {
        using var data = Make(5);
        using var part = data.Subset([3, 0]);
        using var taken = data.Take(2);
        using var all = data.Take(99);
        using var moved = data.To(CPU);
        TensorAssert.Longs(part.Labels).Should().Equal(0, 0);
        part.Images.data<byte>().ToArray()[..4].Should().Equal(12, 13, 14, 15);
        taken.Count.Should().Be(2);
        all.Count.Should().Be(5);
        data.Images.zero_();
        taken.Images.data<byte>().ToArray()[..4].Should().Equal(0, 1, 2, 3);
        moved.Images.data<byte>().ToArray()[4..8].Should().Equal(4, 5, 6, 7);
        part.ClassNames.Should().Equal(data.ClassNames);
        var zero = () => data.Take(0);
        zero.Should().Throw<ArgumentOutOfRangeException>();
        foreach (var bad in new long[][] { [], [5], [-1] })
        {
            var act = () => data.Subset(bad);
            act.Should().Throw<ArgumentOutOfRangeException>().WithParameterName("indices");
        }
    }

    [Fact]
    public void HoldOut_SameSeed_DividesTheSameWayWithoutOverlap()
    {
        using var data = Make(20);
        var (kept, held) = data.HoldOut(6, seed: 3);
        var (keptAgain, heldAgain) = data.HoldOut(6, seed: 3);
        var (keptOther, heldOther) = data.HoldOut(6, seed: 4);
        using var scope = NewDisposeScope();
        (kept.Count, held.Count).Should().Be((14, 6));
        byte[] First(ImageDataset set) => [.. set.Images.flatten(1).select(1, 0).contiguous().data<byte>().ToArray()];
        First(kept).Concat(First(held)).Order().Should().Equal(Enumerable.Range(0, 20).Select(i => (byte)(4 * i)));
        First(heldAgain).Should().Equal(First(held));
        First(keptAgain).Should().Equal(First(kept));
        First(heldOther).Should().NotEqual(First(held));
        foreach (var set in new[] { kept, held, keptAgain, heldAgain, keptOther, heldOther }) set.Dispose();
        foreach (var count in new[] { 0, 20, -1, 21 })
        {
            var act = () => data.HoldOut(count, 0);
            act.Should().Throw<ArgumentOutOfRangeException>().WithParameterName("held");
        }
    }

    // Pixels count up through the images; the last pixel of image 4 is white. Labels are 1 for image 4, else 0.
    private static ImageDataset Make(int count)
    {
        var pixels = Enumerable.Range(0, 4 * count).Select(i => (byte)i).ToArray();
        if (pixels.Length > 19) pixels[19] = 255;
        return new ImageDataset(
            tensor(pixels, [count, 1, 2, 2], ScalarType.Byte),
            tensor([.. Enumerable.Range(0, count).Select(i => i == 4 ? 1L : 0L)]));
    }
}
