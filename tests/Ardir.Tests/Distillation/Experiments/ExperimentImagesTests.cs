using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>Which images an experiment trains on, selects on and reports: here from eight images of CIFAR-10.</summary>
public sealed class ExperimentImagesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public ExperimentImagesTests()
    {
        var fixture = Path.Combine(AppContext.BaseDirectory, "Fixtures", "cifar10-train-first8.bin");
        File.Copy(fixture, _folder.File("data_batch_1.bin"));
        File.Copy(fixture, _folder.File("test_batch.bin"));
    }

    public void Dispose() => _folder.Dispose();

    private static ExperimentData Data(int? train, int validation, int? test = null, ulong split = 0) =>
        new() { Dataset = ExperimentDataset.Cifar10, TrainImages = train, ValidationImages = validation, TestImages = test, Split = split };

    [Fact]
    public void Load_ValidationImages_AreNotTrainedOn()
    {
        using var images = ExperimentImages.Load(Data(train: null, validation: 3, test: 5), _folder.Path);

        (images.Train.Count, images.Validation.Count, images.Test.Count).Should().Be((5, 3, 5));
        Pixels(images.Train).Concat(Pixels(images.Validation)).Should().OnlyHaveUniqueItems();
    }

    [Fact]
    public void Load_FewTrainingImages_DependOnTheSplitAlone()
    {
        using var first = ExperimentImages.Load(Data(train: 3, validation: 2), _folder.Path);
        using var again = ExperimentImages.Load(Data(train: 3, validation: 2), _folder.Path);
        using var other = ExperimentImages.Load(Data(train: 3, validation: 2, split: 9), _folder.Path);

        first.Train.Count.Should().Be(3);
        Pixels(first.Train).Concat(Pixels(first.Validation)).Should().OnlyHaveUniqueItems();
        Pixels(again.Train).Should().Equal(Pixels(first.Train));
        Pixels(again.Validation).Should().Equal(Pixels(first.Validation));
        Pixels(other.Train).Should().NotEqual(Pixels(first.Train));
    }

    [Fact]
    public void Load_NoValidationImages_SelectsOnTheTestImages()
    {
        using var images = ExperimentImages.Load(Data(train: null, validation: 0, test: 4), _folder.Path);

        images.Validation.Should().BeSameAs(images.Test);
        (images.Train.Count, images.Test.Count).Should().Be((8, 4));
    }

    [Fact]
    public void Load_MoreImagesThanThereAre_IsRefused()
    {
        var train = () => ExperimentImages.Load(Data(train: 6, validation: 3), _folder.Path);
        var test = () => ExperimentImages.Load(Data(train: null, validation: 3, test: 9), _folder.Path);

        train.Should().Throw<ArgumentException>().WithMessage("*asks for 9 training and validation images, but*has 8*");
        test.Should().Throw<ArgumentException>().WithMessage("*asks for 9 test images; there are 8*");
    }

    [Fact]
    public void Load_AndDispose_LeaveNoTensorAlive()
    {
        var before = DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount;

        ExperimentImages.Load(Data(train: 3, validation: 2, test: 4), _folder.Path).Dispose();
        ExperimentImages.Load(Data(train: null, validation: 0), _folder.Path).Dispose();

        DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount.Should().Be(before);
    }

    private static IEnumerable<string> Pixels(ImageDataset images)
    {
        for (var i = 0; i < images.Count; i++)
        {
            using var image = images.Images[i].contiguous();
            yield return Convert.ToHexString(image.bytes);
        }
    }
}
