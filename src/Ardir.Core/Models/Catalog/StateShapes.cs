namespace Ardir.Core;

/// <summary>The names and shapes of the entries that a network has, computed from its options. Building the largest networks takes a
/// gigabyte of memory, which is too much for a guess.</summary>
internal sealed class StateShapes
{
    private readonly Dictionary<string, long[]> _entries = new(StringComparer.Ordinal);

    public IReadOnlyDictionary<string, long[]> Entries => _entries;

    public static StateShapes Of(PreActResNetOptions options)
    {
        var shapes = new StateShapes().Convolution("conv1", options.Widths[0], options.InputChannels, 3);
        for (var stage = 0; stage < options.Widths.Count; stage++)
        {
            var output = options.Widths[stage];
            var input = options.Widths[Math.Max(stage - 1, 0)];
            for (var i = 0; i < options.BlocksPerStage; i++, input = output)
            {
                var at = $"layer{stage + 1}.{i}";
                shapes.Norm($"{at}.bn1", input).Convolution($"{at}.conv1", output, input, 3)
                    .Norm($"{at}.bn2", output).Convolution($"{at}.conv2", output, output, 3);
            }
            if (stage > 0) shapes.Convolution($"layer{stage + 1}.0.shortcut.0", output, options.Widths[stage - 1], 1);
        }
        if (options.FinalNorm) shapes.Norm("bn", options.Widths[^1]);
        return shapes.Linear("linear", options.Classes, options.Widths[^1]);
    }

    public static StateShapes Of(ResNetOptions options)
    {
        var shapes = new StateShapes()
            .Convolution("conv1", options.Widths[0], options.InputChannels, 3).Norm("bn1", options.Widths[0]);
        for (var stage = 0; stage < options.Widths.Count; stage++)
        {
            var output = options.Widths[stage];
            var input = options.Widths[Math.Max(stage - 1, 0)];
            for (var i = 0; i < options.Blocks[stage]; i++, input = output)
            {
                var at = $"layer{stage + 1}.{i}";
                shapes.Convolution($"{at}.conv1", output, input, 3).Norm($"{at}.bn1", output)
                    .Convolution($"{at}.conv2", output, output, 3).Norm($"{at}.bn2", output);
            }
            if (stage > 0)
            {
                var shortcut = $"layer{stage + 1}.0.shortcut";
                shapes.Convolution($"{shortcut}.0", output, options.Widths[stage - 1], 1).Norm($"{shortcut}.1", output);
            }
        }
        return shapes.Linear("linear", options.Classes, options.Widths[^1]);
    }

    public static StateShapes Of(WideResNetOptions options)
    {
        var shapes = new StateShapes().Convolution("conv1", 16, options.InputChannels, 3);
        for (var group = 1; group <= 3; group++)
        {
            var (input, output) = (options.Widths[group - 1], options.Widths[group]);
            if (group > 1 || input != output) shapes.Convolution($"block{group}.layer.0.convShortcut", output, input, 1);
            for (var i = 0; i < options.BlocksPerGroup; i++, input = output)
            {
                var at = $"block{group}.layer.{i}";
                shapes.Norm($"{at}.bn1", input).Convolution($"{at}.conv1", output, input, 3)
                    .Norm($"{at}.bn2", output).Convolution($"{at}.conv2", output, output, 3);
            }
        }
        return shapes.Norm("bn1", options.Widths[^1]).Linear("fc", options.Classes, options.Widths[^1]);
    }

    public static StateShapes Of(DeepMindWideResNetOptions options)
    {
        var shapes = new StateShapes().Convolution("init_conv", 16, options.InputChannels, 3);
        for (var group = 0; group < 3; group++)
        {
            var (input, output) = (options.Widths[group], options.Widths[group + 1]);
            if (group > 0 || input != output) shapes.Convolution($"layer.{group}.block.0.shortcut", output, input, 1);
            for (var i = 0; i < options.BlocksPerGroup; i++, input = output)
            {
                var at = $"layer.{group}.block.{i}";
                shapes.Norm($"{at}.batchnorm_0", input).Convolution($"{at}.conv_0", output, input, 3)
                    .Norm($"{at}.batchnorm_1", output).Convolution($"{at}.conv_1", output, output, 3);
            }
        }
        return shapes.Norm("batchnorm", options.Widths[^1]).Linear("logits", options.Classes, options.Widths[^1]);
    }

    public static StateShapes Of(DeepMindPreActResNetOptions options)
    {
        var shapes = new StateShapes().Convolution("conv_2d", options.Widths[0], options.InputChannels, 3);
        for (var stage = 0; stage < options.Widths.Count; stage++)
        {
            var output = options.Widths[stage];
            var input = options.Widths[Math.Max(stage - 1, 0)];
            if (stage > 0) shapes.Convolution($"layer_{stage}.0.shortcut", output, input, 3);
            for (var i = 0; i < options.Blocks[stage]; i++, input = output)
            {
                var at = $"layer_{stage}.{i}";
                shapes.Norm($"{at}.batchnorm_0", input).Convolution($"{at}.conv_2d_1", output, input, 3)
                    .Norm($"{at}.batchnorm_1", output).Convolution($"{at}.conv_2d_2", output, output, 3);
            }
        }
        return shapes.Norm("batchnorm", options.Widths[^1]).Linear("logits", options.Classes, options.Widths[^1]);
    }

    public static StateShapes OfMobileNetV2(int classes, int inputChannels)
    {
        var shapes = new StateShapes().Convolution("conv1", 32, inputChannels, 3).Norm("bn1", 32);
        var (index, input) = (0, 32);
        foreach (var group in MobileNetV2.Groups)
        {
            for (var i = 0; i < group.Blocks; i++, index++, input = group.Width)
            {
                var (at, hidden) = ($"layers.{index}", group.Expansion * input);
                shapes.Convolution($"{at}.conv1", hidden, input, 1).Norm($"{at}.bn1", hidden)
                    .Convolution($"{at}.conv2", hidden, 1, 3).Norm($"{at}.bn2", hidden)
                    .Convolution($"{at}.conv3", group.Width, hidden, 1).Norm($"{at}.bn3", group.Width);
                if ((i > 0 || group.Stride == 1) && input != group.Width)
                    shapes.Convolution($"{at}.shortcut.0", group.Width, input, 1).Norm($"{at}.shortcut.1", group.Width);
            }
        }
        return shapes.Convolution("conv2", 1280, input, 1).Norm("bn2", 1280).Linear("linear", classes, 1280);
    }

    public static StateShapes Of(SmallCnnOptions options) => new StateShapes()
        .Convolution("features.0", options.FirstWidth, options.InputChannels, 3).Add("features.0.bias", options.FirstWidth)
        .Convolution("features.3", options.SecondWidth, options.FirstWidth, 3).Add("features.3.bias", options.SecondWidth)
        .Linear("classifier.0", options.Hidden, (long)options.SecondWidth * (options.Height / 4) * (options.Width / 4))
        .Linear("classifier.2", options.Classes, options.Hidden);

    private StateShapes Convolution(string name, long output, long input, long kernel) =>
        Add(name + ".weight", output, input, kernel, kernel);

    private StateShapes Linear(string name, long output, long input) =>
        Add(name + ".weight", output, input).Add(name + ".bias", output);

    private StateShapes Norm(string name, long width) => Add(name + ".weight", width).Add(name + ".bias", width)
        .Add(name + ".running_mean", width).Add(name + ".running_var", width).Add(name + ".num_batches_tracked");

    private StateShapes Add(string name, params long[] shape)
    {
        _entries.Add(name, shape);
        return this;
    }
}
