using TorchSharp.Modules;

namespace Ardir.Core;

/// <summary>
/// The pre-activation block of DeepMind's robust networks. Strided 3x3 convolutions pad at the right and the bottom only, as TensorFlow
/// does. The block of the wide networks has a 1x1 shortcut that reads the activation; the block of the PreActResNet has a 3x3 shortcut
/// that reads the raw input and is padded in the same manner.
/// </summary>
internal sealed class DeepMindBlock : nn.Module<Tensor, Tensor>
{
    private readonly BatchNorm2d _norm0, _norm1;
    private readonly Conv2d _first, _second;
    private readonly nn.Module<Tensor, Tensor> _relu0, _relu1;
    private readonly Conv2d? _shortcut;
    private readonly bool _wide, _strided;

    public DeepMindBlock(long input, long output, long stride, bool wide, ModelActivation activation) : base(nameof(DeepMindBlock))
    {
        (_wide, _strided) = (wide, stride != 1);
        _norm0 = nn.BatchNorm2d(input);
        _relu0 = activation.Create();
        _first = Convolution(input, output, stride);
        _norm1 = nn.BatchNorm2d(output);
        _relu1 = activation.Create();
        _second = Convolution(output, output, 1);
        register_module("batchnorm_0", _norm0);
        register_module("relu_0", _relu0);
        register_module(wide ? "conv_0" : "conv_2d_1", _first);
        register_module("batchnorm_1", _norm1);
        register_module("relu_1", _relu1);
        register_module(wide ? "conv_1" : "conv_2d_2", _second);
        if (!_strided && input == output) return;
        _shortcut = wide
            ? nn.Conv2d(input, output, kernel_size: 1, stride: stride, bias: false)
            : Convolution(input, output, stride);
        register_module("shortcut", _shortcut);
    }

    // Everything is already registered under its published name. TorchSharp calls this when the module is put inside another one, and
    // the base method would register everything a second time, under the names of the fields.
    protected override void RegisterComponents()
    {
    }

    public override Tensor forward(Tensor input)
    {
        using var active = FusedLayers.Activate(_norm0.call(input), _norm0, _relu0);
        using var carried = Shortcut(input, active);
        return FusedLayers.Add(Residual(active), _second, carried ?? input);
    }

    private Tensor? Shortcut(Tensor input, Tensor active) =>
        _shortcut is null ? null
        : _wide ? _shortcut.call(active)
        : Strided(_shortcut, input);

    private Tensor Residual(Tensor active)
    {
        using var activeAgain = FusedLayers.Activate(Normalised(active), _norm1, _relu1);
        return _second.call(activeAgain);
    }

    private Tensor Normalised(Tensor active)
    {
        if (!_strided) return FusedLayers.ConvolutionNorm(_first, _norm1, active);
        using var padded = active.PadRightAndBottom();
        return FusedLayers.ConvolutionNorm(_first, _norm1, padded);
    }

    private Tensor Strided(Conv2d convolution, Tensor map)
    {
        if (!_strided) return convolution.call(map);
        using var padded = map.PadRightAndBottom();
        return convolution.call(padded);
    }

    private static Conv2d Convolution(long input, long output, long stride) =>
        nn.Conv2d(input, output, kernel_size: 3, stride: stride, padding: stride == 1 ? 1 : 0, bias: false);
}
