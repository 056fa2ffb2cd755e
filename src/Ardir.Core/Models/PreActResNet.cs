using TorchSharp.Modules;

namespace Ardir.Core;

/// <summary>
/// Pre-activation ResNet (He et al. 2016, ECCV), by default in the form used for adversarial training on CIFAR since Rice et al. (2020):
/// a final batch norm and ReLU, and projection shortcuts that read the activated input. <see cref="PreActResNetVariant"/> has the other
/// forms. State entries are named as in the checkpoints of that code (<c>conv1</c>, <c>layer1.0.bn1</c>, <c>layer2.0.shortcut.0</c>,
/// <c>bn</c>, <c>linear</c>).
/// </summary>
/// <remarks>
/// <see cref="FeatureTap"/> sees <c>layer1</c>, <c>layer2</c>, ... (stage outputs, before activation), <c>layer1.0.relu1</c> and
/// <c>layer1.0.relu2</c> (inside blocks) and <c>relu</c> (the activated last map). At 32x32 the stages of PreActResNet-18 give 64x32x32,
/// 128x16x16, 256x8x8 and 512x4x4.
/// The network does not normalise its input: wrap it in <see cref="Normalize"/> for that.
/// </remarks>
/// <example><code>
/// using var model = PreActResNet.Create18(classes: 10, seed: 1);
/// using Tensor logits = model.call(images);               // [N,3,H,W] to [N,10]
/// </code></example>
public sealed class PreActResNet : nn.Module<Tensor, Tensor>
{
    private readonly Conv2d _conv1;
    private readonly Sequential[] _stages;
    private readonly BatchNorm2d? _bn;
    private readonly ReLU? _relu;
    private readonly Linear _linear;

    private PreActResNet(PreActResNetOptions options) : base(nameof(PreActResNet))
    {
        Options = options;
        _conv1 = nn.Conv2d(
            options.InputChannels, options.Widths[0], kernel_size: 3, stride: options.FirstStride, padding: 1, bias: false);
        register_module("conv1", _conv1);
        _stages = new Sequential[options.Widths.Count];
        for (var i = 0; i < _stages.Length; i++)
        {
            _stages[i] = Stage(options, options.Widths[Math.Max(i - 1, 0)], options.Widths[i], stride: i == 0 ? 1 : 2);
            register_module($"layer{i + 1}", _stages[i]);
        }
        if (options.FinalNorm)
        {
            _bn = nn.BatchNorm2d(options.Widths[^1]);
            _relu = nn.ReLU();
            register_module("bn", _bn);
            register_module("relu", _relu);
        }
        _linear = nn.Linear(options.Widths[^1], options.Classes);
        register_module("linear", _linear);
    }

    /// <summary>What the network was made from.</summary>
    public PreActResNetOptions Options { get; }

    /// <summary>PreActResNet-18: widths 64 to 512, two blocks per stage; 11,172,170 parameters for 10 classes and 3 channels.</summary>
    /// <param name="classes">Number of classes.</param>
    /// <param name="inputChannels">Channels of the images.</param>
    /// <param name="seed">Seed of the initial weights; from the global generator when null.</param>
    /// <param name="variant">Which of the published forms.</param>
    /// <returns>A float32 network on the CPU in training mode, owned by the caller.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A number is not positive, or the variant is unknown.</exception>
    public static PreActResNet Create18(
        int classes = 10, int inputChannels = 3, ulong? seed = null, PreActResNetVariant variant = PreActResNetVariant.Rice) =>
        Create(new PreActResNetOptions { Classes = classes, InputChannels = inputChannels, Seed = seed, Variant = variant });

    /// <summary>A network of any depth and width.</summary>
    /// <param name="options">Its shape.</param>
    /// <returns>A float32 network on the CPU in training mode, owned by the caller.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A number is not positive, or the variant is unknown.</exception>
    /// <exception cref="ArgumentException">There are no widths.</exception>
    public static PreActResNet Create(PreActResNetOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        options = options with { Widths = [.. options.Widths] };
        return SeededWeights.Create(options.Seed, () => new PreActResNet(options));
    }

    /// <inheritdoc/>
    // Everything is already registered under its published name. TorchSharp calls this when the module is put inside another one, and
    // the base method would register everything a second time, under the names of the fields.
    protected override void RegisterComponents()
    {
    }

    /// <summary>Classifies images.</summary>
    /// <param name="input">[N,C,H,W] with C = <see cref="PreActResNetOptions.InputChannels"/>; any height and width.</param>
    /// <returns>Logits [N,K].</returns>
    /// <exception cref="ArgumentException">Another shape, or not floating point.</exception>
    public override Tensor forward(Tensor input)
    {
        ModelGuard.Input(input, Options.InputChannels);
        using var map = LayerMath.Chain(_conv1.call(input), _stages);
        using var pooled = Pool(map);
        return _linear.call(pooled);
    }

    private Tensor Pool(Tensor map)
    {
        if (_bn is null || _relu is null) return map.GlobalAverage();
        using var active = FusedLayers.NormRelu(_bn, _relu, map);
        return active.GlobalAverage();
    }

    private static Sequential Stage(PreActResNetOptions options, int input, int output, int stride)
    {
        var stage = nn.Sequential();
        for (var i = 0; i < options.BlocksPerStage; i++)
        {
            stage.append($"{i}", i == 0
                ? new PreActBlock(input, output, stride, options.RawShortcut)
                : new PreActBlock(output, output, stride: 1, options.RawShortcut));
        }
        return stage;
    }
}
