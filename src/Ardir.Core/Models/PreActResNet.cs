using TorchSharp.Modules;

namespace Ardir.Core;

/// <summary>
/// Pre-activation ResNet (He et al. 2016, ECCV) in the form used for adversarial training on CIFAR since Rice et al. (2020): a final batch norm and
/// ReLU, and projection shortcuts that read the activated input. State entries are named as in that line of checkpoints
/// (<c>conv1</c>, <c>layer1.0.bn1</c>, <c>layer2.0.shortcut.0</c>, <c>bn</c>, <c>linear</c>).
/// </summary>
/// <remarks>
/// <see cref="FeatureTap"/> sees <c>layer1</c>, <c>layer2</c>, ... (stage outputs, before activation), <c>layer1.0.relu1</c> and <c>layer1.0.relu2</c> (inside
/// blocks) and <c>relu</c> (the activated last map). At 32x32 the stages of PreActResNet-18 are 64x32x32, 128x16x16, 256x8x8 and 512x4x4.
/// The network does not normalise its input: wrap it in <see cref="Normalize"/> for that.
/// </remarks>
/// <example><code>
/// using var model = PreActResNet.Create18(classes: 10, seed: 1);
/// using Tensor logits = model.call(images);               // [N,3,H,W] to [N,10]
/// </code></example>
public sealed class PreActResNet : nn.Module<Tensor, Tensor>
{
    private static readonly long[] _pooled = [2, 3];
    private readonly Conv2d _conv1;
    private readonly Sequential[] _stages;
    private readonly BatchNorm2d _bn;
    private readonly ReLU _relu = nn.ReLU();
    private readonly Linear _linear;

    private PreActResNet(PreActResNetOptions options) : base(nameof(PreActResNet))
    {
        Options = options;
        _conv1 = nn.Conv2d(options.InputChannels, options.Widths[0], kernel_size: 3, stride: options.FirstStride, padding: 1, bias: false);
        register_module("conv1", _conv1);
        _stages = new Sequential[options.Widths.Count];
        for (var i = 0; i < _stages.Length; i++)
        {
            _stages[i] = Stage(options.Widths[Math.Max(i - 1, 0)], options.Widths[i], options.BlocksPerStage, stride: i == 0 ? 1 : 2);
            register_module($"layer{i + 1}", _stages[i]);
        }
        _bn = nn.BatchNorm2d(options.Widths[^1]);
        _linear = nn.Linear(options.Widths[^1], options.Classes);
        register_module("bn", _bn);
        register_module("relu", _relu);
        register_module("linear", _linear);
    }

    /// <summary>What the network was made from.</summary>
    public PreActResNetOptions Options { get; }

    /// <summary>PreActResNet-18: widths 64 to 512, two blocks per stage; 11,172,170 parameters for 10 classes and 3 channels.</summary>
    /// <param name="classes">Number of classes.</param>
    /// <param name="inputChannels">Channels of the images.</param>
    /// <param name="seed">Seed of the initial weights; from the global generator when null.</param>
    /// <returns>A float32 network on the CPU in training mode, owned by the caller.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A number is not positive.</exception>
    public static PreActResNet Create18(int classes = 10, int inputChannels = 3, ulong? seed = null) =>
        Create(new PreActResNetOptions { Classes = classes, InputChannels = inputChannels, Seed = seed });

    /// <summary>A network of any depth and width.</summary>
    /// <param name="options">Its shape.</param>
    /// <returns>A float32 network on the CPU in training mode, owned by the caller.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A number is not positive.</exception>
    /// <exception cref="ArgumentException">There are no widths.</exception>
    public static PreActResNet Create(PreActResNetOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        options = options with { Widths = [.. options.Widths] };
        if (options.Seed is not { } seed) return new PreActResNet(options);
        using var untouched = new GlobalRandomScope();   // the layers' constructors draw from it
        var network = new PreActResNet(options);
        SeededWeights.Fill(network, seed);
        return network;
    }

    /// <summary>Classifies images.</summary>
    /// <param name="input">[N,C,H,W] with C = <see cref="PreActResNetOptions.InputChannels"/>; any height and width.</param>
    /// <returns>Logits [N,K].</returns>
    /// <exception cref="ArgumentException">Another shape.</exception>
    public override Tensor forward(Tensor input)
    {
        ArgumentNullException.ThrowIfNull(input);
        if (input.dim() != 4 || input.shape[1] != Options.InputChannels)
            throw new ArgumentException($"input has shape {TensorGuard.Shape(input)}; this network takes [N,{Options.InputChannels},H,W].", nameof(input));
        using var map = Stages(input);
        using var normalised = _bn.call(map);
        using var active = _relu.call(normalised);
        using var pooled = active.mean(_pooled);
        return _linear.call(pooled);
    }

    private Tensor Stages(Tensor input)
    {
        var map = _conv1.call(input);
        foreach (var stage in _stages)
        {
            using var before = map;
            map = stage.call(before);
        }
        return map;
    }

    private static Sequential Stage(int input, int output, int blocks, int stride)
    {
        var stage = nn.Sequential();
        for (var i = 0; i < blocks; i++)
            stage.append($"{i}", i == 0 ? new PreActBlock(input, output, stride) : new PreActBlock(output, output, stride: 1));
        return stage;
    }
}
