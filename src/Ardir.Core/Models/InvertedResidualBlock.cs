using TorchSharp.Modules;

namespace Ardir.Core;

/// <summary>The block of MobileNetV2 (Sandler et al. 2018): 1x1 expansion, 3x3 depthwise, linear 1x1 projection. At stride 1 the input is
/// added. Where the width changes it passes through a 1x1 convolution and a batch norm first, as in kuangliu's code; the paper adds
/// nothing there.</summary>
internal sealed class InvertedResidualBlock : nn.Module<Tensor, Tensor>
{
    private readonly Conv2d _conv1, _conv2, _conv3;
    private readonly BatchNorm2d _bn1, _bn2, _bn3;
    private readonly ReLU _relu1 = nn.ReLU(), _relu2 = nn.ReLU();
    private readonly ProjectionShortcut? _shortcut;
    private readonly bool _adds;

    public InvertedResidualBlock(long input, long output, long expansion, long stride) : base(nameof(InvertedResidualBlock))
    {
        var hidden = expansion * input;
        _adds = stride == 1;
        _conv1 = nn.Conv2d(input, hidden, kernel_size: 1, bias: false);
        _bn1 = nn.BatchNorm2d(hidden);
        _conv2 = nn.Conv2d(hidden, hidden, kernel_size: 3, stride: stride, padding: 1, groups: hidden, bias: false);
        _bn2 = nn.BatchNorm2d(hidden);
        _conv3 = nn.Conv2d(hidden, output, kernel_size: 1, bias: false);
        _bn3 = nn.BatchNorm2d(output);
        register_module("conv1", _conv1);
        register_module("bn1", _bn1);
        register_module("relu1", _relu1);
        register_module("conv2", _conv2);
        register_module("bn2", _bn2);
        register_module("relu2", _relu2);
        register_module("conv3", _conv3);
        register_module("bn3", _bn3);
        if (!_adds || input == output) return;
        _shortcut = new ProjectionShortcut(input, output, stride: 1);
        register_module("shortcut", _shortcut);
    }

    // Everything is already registered under its published name. TorchSharp calls this when the module is put inside another one, and
    // the base method would register everything a second time, under the names of the fields.
    protected override void RegisterComponents()
    {
    }

    public override Tensor forward(Tensor input)
    {
        using var expanded = FusedLayers.ConvolutionNormRelu(_conv1, _bn1, _relu1, input);
        using var filtered = FusedLayers.ConvolutionNormRelu(_conv2, _bn2, _relu2, expanded);
        if (!_adds) return FusedLayers.ConvolutionNorm(_conv3, _bn3, filtered);
        using var carried = _shortcut?.call(input);
        return FusedLayers.Add(FusedLayers.ConvolutionNorm(_conv3, _bn3, filtered), _bn3, carried ?? input);
    }
}
