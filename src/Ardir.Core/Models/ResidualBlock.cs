using TorchSharp.Modules;

namespace Ardir.Core;

/// <summary>The basic block of He et al. (2016, CVPR): conv-BN-ReLU-conv-BN, plus the input (through a 1x1 convolution and a batch norm
/// where the shape changes), then ReLU.</summary>
internal sealed class ResidualBlock : nn.Module<Tensor, Tensor>
{
    private readonly Conv2d _conv1, _conv2;
    private readonly BatchNorm2d _bn1, _bn2;
    private readonly ReLU _relu1 = nn.ReLU(), _relu2 = nn.ReLU();
    private readonly ProjectionShortcut? _shortcut;

    public ResidualBlock(long input, long output, long stride) : base(nameof(ResidualBlock))
    {
        _conv1 = nn.Conv2d(input, output, kernel_size: 3, stride: stride, padding: 1, bias: false);
        _bn1 = nn.BatchNorm2d(output);
        _conv2 = nn.Conv2d(output, output, kernel_size: 3, stride: 1, padding: 1, bias: false);
        _bn2 = nn.BatchNorm2d(output);
        register_module("conv1", _conv1);
        register_module("bn1", _bn1);
        register_module("relu1", _relu1);
        register_module("conv2", _conv2);
        register_module("bn2", _bn2);
        register_module("relu2", _relu2);
        if (stride == 1 && input == output) return;
        _shortcut = new ProjectionShortcut(input, output, stride);
        register_module("shortcut", _shortcut);
    }

    // Everything is already registered under its published name. TorchSharp calls this when the module is put inside another one, and
    // the base method would register everything a second time, under the names of the fields.
    protected override void RegisterComponents()
    {
    }

    public override Tensor forward(Tensor input)
    {
        using var carried = _shortcut?.call(input);
        var sum = FusedLayers.Add(Residual(input), _bn2, carried ?? input);
        return FusedLayers.Activate(sum, _bn2, _relu2);
    }

    private Tensor Residual(Tensor input)
    {
        using var active = FusedLayers.ConvolutionNormRelu(_conv1, _bn1, _relu1, input);
        return FusedLayers.ConvolutionNorm(_conv2, _bn2, active);
    }
}
