using TorchSharp.Modules;

namespace Ardir.Core;

/// <summary>The pre-activation block of He et al. (2016, ECCV, figure 1b): BN-ReLU-conv twice, plus the input. Where the shape changes,
/// the input is replaced by a 1x1 convolution of its activation or of the input itself. Wide residual networks may use dropout before the
/// last convolution.</summary>
internal sealed class PreActBlock : nn.Module<Tensor, Tensor>
{
    private static readonly Naming _plain = new(nameof(PreActBlock), "shortcut", convolution => nn.Sequential(("0", convolution)));
    private static readonly Naming _wide = new("WideBlock", "convShortcut", convolution => convolution);

    private readonly BatchNorm2d _bn1, _bn2;
    private readonly Conv2d _conv1, _conv2;
    // Each use has a module of its own, so that its output can be tapped.
    private readonly ReLU _relu1 = nn.ReLU(), _relu2 = nn.ReLU();
    private readonly Dropout? _dropout;
    private readonly nn.Module<Tensor, Tensor>? _shortcut;
    private readonly bool _rawShortcut;

    public PreActBlock(long input, long output, long stride, bool rawShortcut)
        : this(_plain, input, output, stride, dropout: 0) =>
        _rawShortcut = rawShortcut;

    private PreActBlock(Naming naming, long input, long output, long stride, double dropout) : base(naming.Block)
    {
        _bn1 = nn.BatchNorm2d(input);
        _conv1 = nn.Conv2d(input, output, kernel_size: 3, stride: stride, padding: 1, bias: false);
        _bn2 = nn.BatchNorm2d(output);
        _conv2 = nn.Conv2d(output, output, kernel_size: 3, stride: 1, padding: 1, bias: false);
        register_module("bn1", _bn1);
        register_module("relu1", _relu1);
        register_module("conv1", _conv1);
        register_module("bn2", _bn2);
        register_module("relu2", _relu2);
        register_module("conv2", _conv2);
        if (dropout > 0)
        {
            _dropout = nn.Dropout(dropout);
            register_module("dropout", _dropout);
        }
        if (stride == 1 && input == output) return;
        _shortcut = naming.Wrap(nn.Conv2d(input, output, kernel_size: 1, stride: stride, bias: false));
        register_module(naming.Shortcut, _shortcut);
    }

    /// <summary>The block of Zagoruyko and Komodakis (2016), with the names of its published code.</summary>
    public static PreActBlock Wide(long input, long output, long stride, double dropout) =>
        new(_wide, input, output, stride, dropout);

    // Everything is already registered under its published name. TorchSharp calls this when the module is put inside another one, and
    // the base method would register everything a second time, under the names of the fields.
    protected override void RegisterComponents()
    {
    }

    public override Tensor forward(Tensor input)
    {
        using var active = FusedLayers.NormRelu(_bn1, _relu1, input);
        using var carried = _shortcut?.call(_rawShortcut ? input : active);
        return FusedLayers.Add(Residual(active), _conv2, carried ?? input);
    }

    private Tensor Residual(Tensor active)
    {
        using var activeAgain = FusedLayers.ConvolutionNormRelu(_conv1, _bn2, _relu2, active);
        using var thinned = _dropout?.call(activeAgain);
        return _conv2.call(thinned ?? activeAgain);
    }

    /// <summary>How published weights name the block and its shortcut, and the container in which they have the shortcut's
    /// convolution.</summary>
    private sealed record Naming(string Block, string Shortcut, Func<Conv2d, nn.Module<Tensor, Tensor>> Wrap);
}
