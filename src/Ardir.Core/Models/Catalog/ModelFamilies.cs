namespace Ardir.Core;

/// <summary>One method per family of networks. Each reads the sizes from a few entries that are typical of its family and returns null when
/// these are missing.</summary>
internal static class ModelFamilies
{
    private const string HiddenStrides = "Strides cannot be seen in the entries; the usual ones are assumed (1 for the first convolution).";

    public static readonly IReadOnlyList<Func<StateNames, ModelMatch?>> All =
        [PreAct, Residual, Wide, DeepMindWide, DeepMindPreAct, Mobile, Small];

    private static ModelMatch? PreAct(StateNames names)
    {
        var (classes, channels) = (names.Size("linear.weight", 2, 0), names.Size("conv1.weight", 4, 1));
        var stages = names.Count(stage => $"layer{stage}.0.conv1.weight", from: 1);
        var blocks = names.Count(i => $"layer1.{i}.conv1.weight");
        var widths = Widths(stages, stage => names.Size($"layer{stage + 1}.0.conv1.weight", 4, 0));
        if (classes == 0 || channels == 0 || widths is null || blocks == 0
            || names.Has("bn1.weight") || !names.Has("layer1.0.bn1.weight") || names.Has("layer1.0.conv3.weight"))
        {
            return null;
        }
        var options = new PreActResNetOptions
        {
            Classes = classes, InputChannels = channels, Widths = widths, BlocksPerStage = blocks,
            Variant = names.Has("bn.weight") ? PreActResNetVariant.Rice : PreActResNetVariant.Kuangliu,
        };
        var other = options.FinalNorm ? PreActResNetVariant.FastAdversarial : PreActResNetVariant.Wong;
        var name = $"PreActResNet-{2 * stages * blocks + 2}";
        var finalNorm = options.FinalNorm
            ? "There is a final batch norm (bn), as in the variants Rice and FastAdversarial."
            : "There is no final batch norm, as in the variants Kuangliu and Wong.";
        return new ModelMatch(name, classes, channels, StateShapes.Of(options), [
            new($"{name} as in {options.Variant}: shortcuts read the activation", () => PreActResNet.Create(options)),
            new($"{name} as in {other}: shortcuts read the raw input", () => PreActResNet.Create(options with { Variant = other })),
        ], [finalNorm, HiddenStrides]);
    }

    private static ModelMatch? Residual(StateNames names)
    {
        var (classes, channels) = (names.Size("linear.weight", 2, 0), names.Size("conv1.weight", 4, 1));
        var stages = names.Count(stage => $"layer{stage}.0.conv1.weight", from: 1);
        var widths = Widths(stages, stage => names.Size($"layer{stage + 1}.0.conv1.weight", 4, 0));
        if (classes == 0 || channels == 0 || widths is null
            || !names.Has("bn1.weight") || names.Has("layer1.0.conv3.weight"))
        {
            return null;
        }
        int[] blocks = [.. Enumerable.Range(1, stages).Select(stage => names.Count(i => $"layer{stage}.{i}.conv1.weight"))];
        var options = new ResNetOptions { Classes = classes, InputChannels = channels, Widths = widths, Blocks = blocks };
        var name = $"ResNet-{2 * blocks.Sum() + 2}";
        ModelCandidate candidate = new($"{name} for CIFAR", () => ResNet.Create(options));
        return new ModelMatch(name, classes, channels, StateShapes.Of(options), [candidate], [HiddenStrides]);
    }

    private static ModelMatch? Wide(StateNames names)
    {
        var (classes, channels) = (names.Size("fc.weight", 2, 0), names.Size("conv1.weight", 4, 1));
        var blocks = names.Count(i => $"block1.layer.{i}.conv1.weight");
        var width = names.Size("block1.layer.0.conv1.weight", 4, 0);
        if (classes == 0 || channels == 0 || blocks == 0 || width == 0 || width % 16 != 0) return null;
        var options = new WideResNetOptions { Classes = classes, InputChannels = channels, Depth = 6 * blocks + 4, Widen = width / 16 };
        var name = $"WideResNet-{options.Depth}-{options.Widen}";
        ModelCandidate candidate = new(name, () => WideResNet.Create(options));
        return new ModelMatch(name, classes, channels, StateShapes.Of(options), [candidate],
            ["Dropout leaves no entries; none is assumed."]);
    }

    private static ModelMatch? DeepMindWide(StateNames names)
    {
        var (classes, channels) = (names.Size("logits.weight", 2, 0), names.Size("init_conv.weight", 4, 1));
        var blocks = names.Count(i => $"layer.0.block.{i}.conv_0.weight");
        var width = names.Size("layer.0.block.0.conv_0.weight", 4, 0);
        if (classes == 0 || channels == 0 || blocks == 0 || width == 0 || width % 16 != 0) return null;
        var options = new DeepMindWideResNetOptions
        {
            Classes = classes, InputChannels = channels, Depth = 6 * blocks + 4, Widen = width / 16, Normalization = Statistics(channels),
        };
        var relu = options with { Activation = ModelActivation.Relu };
        var name = $"DeepMind WideResNet-{options.Depth}-{options.Widen}";
        return new ModelMatch(name, classes, channels, StateShapes.Of(options), [
            new($"{name} with Swish{Normalizing(channels)}", () => DeepMindWideResNet.Create(options)),
            new($"{name} with ReLU{Normalizing(channels)}", () => DeepMindWideResNet.Create(relu)),
        ], [Activation]);
    }

    private static ModelMatch? DeepMindPreAct(StateNames names)
    {
        var (classes, channels) = (names.Size("logits.weight", 2, 0), names.Size("conv_2d.weight", 4, 1));
        var stages = names.Count(stage => $"layer_{stage}.0.conv_2d_1.weight");
        var widths = Widths(stages, stage => names.Size($"layer_{stage}.0.conv_2d_1.weight", 4, 0));
        if (classes == 0 || channels == 0 || widths is null) return null;
        int[] blocks = [.. Enumerable.Range(0, stages).Select(stage => names.Count(i => $"layer_{stage}.{i}.conv_2d_1.weight"))];
        var options = new DeepMindPreActResNetOptions
        {
            Classes = classes, InputChannels = channels, Widths = widths, Blocks = blocks, Normalization = Statistics(channels),
        };
        var relu = options with { Activation = ModelActivation.Relu };
        var name = $"DeepMind PreActResNet-{2 * blocks.Sum() + 2}";
        return new ModelMatch(name, classes, channels, StateShapes.Of(options), [
            new($"{name} with Swish{Normalizing(channels)}", () => DeepMindPreActResNet.Create(options)),
            new($"{name} with ReLU{Normalizing(channels)}", () => DeepMindPreActResNet.Create(relu)),
        ], [Activation]);
    }

    private static ModelMatch? Mobile(StateNames names)
    {
        var (classes, channels) = (names.Size("linear.weight", 2, 0), names.Size("conv1.weight", 4, 1));
        if (classes == 0 || channels == 0 || !names.Has("layers.0.conv3.weight") || !names.Has("conv2.weight")) return null;
        ModelCandidate candidate = new("MobileNetV2 for CIFAR", () => MobileNetV2.Create(classes, channels));
        var shapes = StateShapes.OfMobileNetV2(classes, channels);
        return new ModelMatch("MobileNetV2", classes, channels, shapes, [candidate], [HiddenStrides]);
    }

    private static ModelMatch? Small(StateNames names)
    {
        var (first, channels) = (names.Size("features.0.weight", 4, 0), names.Size("features.0.weight", 4, 1));
        var second = names.Size("features.3.weight", 4, 0);
        var (hidden, flat) = (names.Size("classifier.0.weight", 2, 0), names.Size("classifier.0.weight", 2, 1));
        var classes = names.Size("classifier.2.weight", 2, 0);
        if (first == 0 || second == 0 || hidden == 0 || flat == 0 || classes == 0 || channels == 0) return null;
        var side = (int)Math.Round(Math.Sqrt(flat / second));
        if (side == 0 || (long)side * side * second != flat) return null;
        var options = new SmallCnnOptions
        {
            InputChannels = channels, Classes = classes, FirstWidth = first, SecondWidth = second, Hidden = hidden,
            Height = 4 * side, Width = 4 * side,
        };
        ModelCandidate candidate = new($"SmallCnn for {4 * side}x{4 * side} images", () => SmallCnn.Create(options));
        return new ModelMatch("SmallCnn", classes, channels, StateShapes.Of(options), [candidate],
            [$"Images of any size whose last maps have {side * side} positions fit; square ones of {4 * side}x{4 * side} are assumed."]);
    }

    private const string Activation = "Swish and ReLU leave no entries. Most published checkpoints use Swish; verify with clean accuracy.";

    private static ChannelStatistics? Statistics(int channels) => channels == 3 ? ChannelStatistics.Cifar10 : null;

    private static string Normalizing(int channels) => channels == 3 ? ", normalising with CIFAR-10 statistics" : ", not normalising";

    private static int[]? Widths(int stages, Func<int, int> width)
    {
        int[] widths = [.. Enumerable.Range(0, stages).Select(width)];
        return widths.Length > 0 && widths.All(size => size > 0) ? widths : null;
    }
}
