using TorchSharp.Modules;

namespace Ardir.Core;

/// <summary>A 1x1 convolution and a batch norm, which bring the input of a block to the shape of its output; named as the children of a
/// <see cref="Sequential"/>.</summary>
internal sealed class ProjectionShortcut : nn.Module<Tensor, Tensor>
{
    private readonly Conv2d _convolution;
    private readonly BatchNorm2d _norm;

    public ProjectionShortcut(long input, long output, long stride) : base(nameof(Sequential))
    {
        _convolution = nn.Conv2d(input, output, kernel_size: 1, stride: stride, bias: false);
        _norm = nn.BatchNorm2d(output);
        register_module("0", _convolution);
        register_module("1", _norm);
    }

    // Everything is already registered under its published name. TorchSharp calls this when the module is put inside another one, and
    // the base method would register everything a second time, under the names of the fields.
    protected override void RegisterComponents()
    {
    }

    public override Tensor forward(Tensor input) => FusedLayers.ConvolutionNorm(_convolution, _norm, input);
}
