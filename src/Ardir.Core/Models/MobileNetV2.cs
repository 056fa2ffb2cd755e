using TorchSharp.Modules;

namespace Ardir.Core;

/// <summary>
/// MobileNetV2 (Sandler et al. 2018) for CIFAR as in kuangliu's pytorch-cifar, the small student of ARD, IAD and RSLAD, with the same
/// state entries (<c>conv1</c>, <c>bn1</c>, <c>layers.0.conv1</c>, <c>layers.0.shortcut.0</c>, <c>conv2</c>, <c>bn2</c>,
/// <c>linear</c>). The first convolution and the second group have stride 1, so that 32x32 images end as 4x4 maps.
/// 2,296,922 parameters for 10 classes.
/// </summary>
/// <remarks><see cref="FeatureTap"/> sees <c>layers.0</c> to <c>layers.16</c>; <c>layers.2</c>, <c>layers.5</c>, <c>layers.12</c> and
/// <c>layers.16</c> are the last maps at 32x32, 16x16, 8x8 and 4x4. The network does not normalise its input: wrap it in
/// <see cref="Normalize"/> for that.</remarks>
/// <example><code>
/// using var student = MobileNetV2.Create(classes: 10);
/// </code></example>
public sealed class MobileNetV2 : nn.Module<Tensor, Tensor>
{
    // Expansion, width, blocks, stride of the first block.
    internal static readonly (int Expansion, int Width, int Blocks, int Stride)[] Groups =
        [(1, 16, 1, 1), (6, 24, 2, 1), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)];

    private readonly Conv2d _conv1, _conv2;
    private readonly BatchNorm2d _bn1, _bn2;
    private readonly ReLU _relu1 = nn.ReLU(), _relu2 = nn.ReLU();
    private readonly Sequential _layers = nn.Sequential();
    private readonly Linear _linear;
    private readonly int _channels;

    private MobileNetV2(int classes, int inputChannels) : base(nameof(MobileNetV2))
    {
        _channels = inputChannels;
        var width = 32;
        _conv1 = nn.Conv2d(inputChannels, width, kernel_size: 3, padding: 1, bias: false);
        _bn1 = nn.BatchNorm2d(width);
        foreach (var group in Groups)
        {
            for (var i = 0; i < group.Blocks; i++)
            {
                var stride = i == 0 ? group.Stride : 1;
                _layers.append($"{_layers.Count}", new InvertedResidualBlock(width, group.Width, group.Expansion, stride));
                width = group.Width;
            }
        }
        _conv2 = nn.Conv2d(width, 1280, kernel_size: 1, bias: false);
        _bn2 = nn.BatchNorm2d(1280);
        _linear = nn.Linear(1280, classes);
        register_module("conv1", _conv1);
        register_module("bn1", _bn1);
        register_module("relu1", _relu1);
        register_module("layers", _layers);
        register_module("conv2", _conv2);
        register_module("bn2", _bn2);
        register_module("relu2", _relu2);
        register_module("linear", _linear);
    }

    /// <summary>A network.</summary>
    /// <param name="classes">Number of classes.</param>
    /// <param name="inputChannels">Channels of the images.</param>
    /// <param name="seed">Seed of the initial weights; from the global generator when null.</param>
    /// <returns>A float32 network on the CPU in training mode, owned by the caller.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A number is not positive.</exception>
    public static MobileNetV2 Create(int classes = 10, int inputChannels = 3, ulong? seed = null)
    {
        ModelGuard.Positive(classes);
        ModelGuard.Positive(inputChannels);
        return SeededWeights.Create(seed, () => new MobileNetV2(classes, inputChannels));
    }

    /// <inheritdoc/>
    // Everything is already registered under its published name. TorchSharp calls this when the module is put inside another one, and
    // the base method would register everything a second time, under the names of the fields.
    protected override void RegisterComponents()
    {
    }

    /// <summary>Classifies images.</summary>
    /// <param name="input">[N,C,H,W] of as many channels as the network was made for; any height and width.</param>
    /// <returns>Logits [N,K].</returns>
    /// <exception cref="ArgumentException">Another shape, or not floating point.</exception>
    public override Tensor forward(Tensor input)
    {
        ModelGuard.Input(input, _channels);
        using var stem = FusedLayers.ConvolutionNormRelu(_conv1, _bn1, _relu1, input);
        using var map = _layers.call(stem);
        using var last = FusedLayers.ConvolutionNormRelu(_conv2, _bn2, _relu2, map);
        using var pooled = last.GlobalAverage();
        return _linear.call(pooled);
    }
}
