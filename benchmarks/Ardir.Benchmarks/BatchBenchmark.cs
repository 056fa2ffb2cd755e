using System.Globalization;
using System.Text;
using Ardir.Core;

namespace Ardir.Benchmarks;

/// <summary>
/// Drawing an epoch's batches with <see cref="ImageBatches"/> against the same by hand: one index_select and one division per batch, of a tensor of indices
/// that was made before; with augmentation, a pad and one narrow and flip per image. Turns and medians as in <see cref="OverheadBenchmark"/>.
/// </summary>
internal static class BatchBenchmark
{
    private const int Images = 10_000, Size = 128;

    public static int Run(string[] args)
    {
        var rounds = CommandLineValue.Of(args, "--rounds", 15);
        set_num_threads(1);   // nothing here is large enough for a second one
        using var pixels = randint(0, 256, [Images, 3, 32, 32], ScalarType.Byte);
        using var labels = randint(0, 10, [Images], ScalarType.Int64);
        using var data = new ImageDataset(pixels.alias(), labels.alias());
        var text = new StringBuilder().AppendLine("| epoch of 10,000 images 3x32x32, batches of 128 | by hand (ms) | ImageBatches (ms) | ratio |").AppendLine("|---|---:|---:|---:|");
        Add(text, "shuffled", rounds, () => ByHand(data, padding: 0), Ours(data, null));
        Add(text, "shuffled, zero pad-crop and flip", rounds, () => ByHand(data, padding: 4), Ours(data, new ImageAugmentation { PaddingMode = CropPadding.Zero }));
        Add(text, "shuffled, reflect pad-crop and flip (hand: zero)", rounds, () => ByHand(data, padding: 4), Ours(data, ImageAugmentation.Cifar));
        Console.WriteLine(text);
        return 0;
    }

    private static Action Ours(ImageDataset data, ImageAugmentation? augmentation)
    {
        var batches = new ImageBatches(data, new ImageBatchOptions { BatchSize = Size, Augmentation = augmentation });
        return () =>
        {
            foreach (var (images, labels) in batches.Epoch(0))
                if (images.shape[0] != labels.shape[0]) throw new InvalidOperationException();
        };
    }

    private static void ByHand(ImageDataset data, int padding)
    {
        using var order = randperm(data.Count, ScalarType.Int64);
        for (var at = 0; at < data.Count; at += Size)
        {
            using var scope = NewDisposeScope();
            var rows = order.narrow(0, at, Math.Min(Size, data.Count - at));
            var images = data.Images.index_select(0, rows);
            if (padding > 0) images = Augment(images, padding);
            images = images.to(ScalarType.Float32).div_(255);
            data.Labels.index_select(0, rows);
        }
    }

    private static Tensor Augment(Tensor images, int padding)
    {
        var padded = nn.functional.pad(images, [padding, padding, padding, padding], PaddingModes.Constant, 0);
#pragma warning disable CA5394 // any numbers do
        var parts = Enumerable.Range(0, (int)images.shape[0]).Select(i =>
        {
            var part = padded[i].narrow(1, Random.Shared.Next(2 * padding + 1), 32).narrow(2, Random.Shared.Next(2 * padding + 1), 32);
            return Random.Shared.Next(2) == 0 ? part : part.flip(2);
        });
#pragma warning restore CA5394
        return stack([.. parts]);
    }

    private static void Add(StringBuilder text, string job, int rounds, Action hand, Action ours)
    {
        OverheadBenchmark.WarmUp(hand, ours);
        var (low, high) = OverheadBenchmark.Compare(rounds, hand, ours);
        text.AppendLine(string.Create(CultureInfo.InvariantCulture, $"| {job} | {low:F1} | {high:F1} | {high / low:F3} |"));
    }
}
