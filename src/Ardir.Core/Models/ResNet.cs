using TorchSharp.Modules;

namespace Ardir.Core;

/// <summary>
/// ResNet of basic blocks (He et al. 2016, CVPR) for CIFAR: a 3x3 first convolution and no pooling after it, as in kuangliu's
/// pytorch-cifar, ARD, IAD, RSLAD, TRADES and MART, with the same state entries (<c>conv1</c>, <c>bn1</c>, <c>layer1.0.conv1</c>,
/// <c>layer2.0.shortcut.0</c>, <c>layer2.0.shortcut.1</c>, <c>linear</c>).
/// </summary>
/// <remarks><see cref="FeatureTap"/> sees <c>layer1</c> to <c>layer4</c> (after their last ReLU), <c>layer1.0.relu1</c> and <c>relu</c>
/// (after the first batch norm).
/// The network does not normalise its input: wrap it in <see cref="Normalize"/> for that.</remarks>
/// <example><code>
/// using var model = ResNet.Create18(classes: 10);         // 11,173,962 parameters
/// </code></example>
public sealed class ResNet : nn.Module<Tensor, Tensor>
{
    private readonly Conv2d _conv1;
    private readonly BatchNorm2d _bn1;
    private readonly ReLU _relu = nn.ReLU();
    private readonly Sequential[] _stages;
    private readonly Linear _linear;

    private ResNet(ResNetOptions options) : base(nameof(ResNet))
    {
        Options = options;
        _conv1 = nn.Conv2d(options.InputChannels, options.Widths[0], kernel_size: 3, padding: 1, bias: false);
        _bn1 = nn.BatchNorm2d(options.Widths[0]);
        register_module("conv1", _conv1);
        register_module("bn1", _bn1);
        register_module("relu", _relu);
        _stages = new Sequential[options.Widths.Count];
        for (var i = 0; i < _stages.Length; i++)
        {
            var input = options.Widths[Math.Max(i - 1, 0)];
            _stages[i] = Stage(input, options.Widths[i], options.Blocks[i], stride: i == 0 ? 1 : 2);
            register_module($"layer{i + 1}", _stages[i]);
        }
        _linear = nn.Linear(options.Widths[^1], options.Classes);
        register_module("linear", _linear);
    }

    /// <summary>What the network was made from.</summary>
    public ResNetOptions Options { get; }

    /// <summary>ResNet-18: widths 64 to 512, two blocks per stage.</summary>
    /// <param name="classes">Number of classes.</param>
    /// <param name="inputChannels">Channels of the images.</param>
    /// <param name="seed">Seed of the initial weights; from the global generator when null.</param>
    /// <returns>A float32 network on the CPU in training mode, owned by the caller.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A number is not positive.</exception>
    public static ResNet Create18(int classes = 10, int inputChannels = 3, ulong? seed = null) =>
        Create(new ResNetOptions { Classes = classes, InputChannels = inputChannels, Seed = seed });

    /// <summary>A network of any depth and width.</summary>
    /// <param name="options">Its shape.</param>
    /// <returns>A float32 network on the CPU in training mode, owned by the caller.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A number is not positive.</exception>
    /// <exception cref="ArgumentException">There are no widths, or not as many blocks as widths.</exception>
    public static ResNet Create(ResNetOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        options = options with { Widths = [.. options.Widths], Blocks = [.. options.Blocks] };
        return SeededWeights.Create(options.Seed, () => new ResNet(options));
    }

    /// <inheritdoc/>
    // Everything is already registered under its published name. TorchSharp calls this when the module is put inside another one, and
    // the base method would register everything a second time, under the names of the fields.
    protected override void RegisterComponents()
    {
    }

    /// <summary>Classifies images.</summary>
    /// <param name="input">[N,C,H,W] with C = <see cref="ResNetOptions.InputChannels"/>; any height and width.</param>
    /// <returns>Logits [N,K].</returns>
    /// <exception cref="ArgumentException">Another shape, or not floating point.</exception>
    public override Tensor forward(Tensor input)
    {
        ModelGuard.Input(input, Options.InputChannels);
        using var map = LayerMath.Chain(FusedLayers.ConvolutionNormRelu(_conv1, _bn1, _relu, input), _stages);
        using var pooled = map.GlobalAverage();
        return _linear.call(pooled);
    }

    private static Sequential Stage(int input, int output, int blocks, int stride)
    {
        var stage = nn.Sequential();
        for (var i = 0; i < blocks; i++)
        {
            stage.append($"{i}", i == 0
                ? new ResidualBlock(input, output, stride)
                : new ResidualBlock(output, output, stride: 1));
        }
        return stage;
    }
}
