using TorchSharp.Modules;

namespace Ardir.Core;

/// <summary>
/// The wide residual network of Gowal et al. (2020, 2021), Rebuffi et al. (2021), Pang et al. (2022) and Wang et al. (2023), with their
/// state entries (<c>init_conv</c>, <c>layer.0.block.0.batchnorm_0</c>, <c>layer.1.block.0.shortcut</c>, <c>batchnorm</c>,
/// <c>logits</c>): Swish or ReLU, padding as in TensorFlow, and a built-in normalisation, so that it takes pixels in [0,1].
/// </summary>
/// <remarks><see cref="FeatureTap"/> sees <c>layer.0</c>, <c>layer.1</c>, <c>layer.2</c> (before activation) and <c>relu</c> (the
/// activated last map).</remarks>
/// <example><code>
/// using var teacher = DeepMindWideResNet.Create(new DeepMindWideResNetOptions { Depth = 70, Widen = 16 });
/// </code></example>
public sealed class DeepMindWideResNet : nn.Module<Tensor, Tensor>
{
    private readonly Conv2d _stem;
    private readonly Sequential _groups;
    private readonly BatchNorm2d _norm;
    private readonly nn.Module<Tensor, Tensor> _relu;
    private readonly Linear _logits;
    private readonly ChannelConstants? _normalization;

    private DeepMindWideResNet(DeepMindWideResNetOptions options) : base(nameof(DeepMindWideResNet))
    {
        Options = options;
        _normalization = options.Normalization is null ? null : new ChannelConstants(options.Normalization);
        var widths = options.Widths;
        _stem = nn.Conv2d(options.InputChannels, widths[0], kernel_size: 3, padding: 1, bias: false);
        _groups = nn.Sequential(("0", Group(0)), ("1", Group(1)), ("2", Group(2)));
        _norm = nn.BatchNorm2d(widths[^1]);
        _relu = options.Activation.Create();
        _logits = nn.Linear(widths[^1], options.Classes);
        register_module("init_conv", _stem);
        register_module("layer", _groups);
        register_module("batchnorm", _norm);
        register_module("relu", _relu);
        register_module("logits", _logits);
    }

    /// <summary>What the network was made from.</summary>
    public DeepMindWideResNetOptions Options { get; }

    /// <summary>A network.</summary>
    /// <param name="options">Its shape; WRN-28-10 with Swish when null.</param>
    /// <returns>A float32 network on the CPU in training mode, owned by the caller.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of range, or the activation is unknown.</exception>
    /// <exception cref="ArgumentException">The normalisation is for another number of channels, or a mean is not finite or a standard
    /// deviation not positive.</exception>
    public static DeepMindWideResNet Create(DeepMindWideResNetOptions? options = null)
    {
        options ??= new DeepMindWideResNetOptions();
        options.Validate();
        return SeededWeights.Create(options.Seed, () => new DeepMindWideResNet(options));
    }

    /// <inheritdoc/>
    // Everything is already registered under its published name. TorchSharp calls this when the module is put inside another one, and
    // the base method would register everything a second time, under the names of the fields.
    protected override void RegisterComponents()
    {
    }

    /// <summary>Classifies images.</summary>
    /// <param name="input">Pixels in [0,1], [N,C,H,W] with C = <see cref="DeepMindWideResNetOptions.InputChannels"/>; height and width
    /// multiples of 4, since the one-sided padding fits even sizes only.</param>
    /// <returns>Logits [N,K].</returns>
    /// <exception cref="ArgumentException">Another shape, or not floating point.</exception>
    public override Tensor forward(Tensor input)
    {
        ModelGuard.Input(input, Options.InputChannels, least: 4, multiple: 4);
        using var normalisedInput = _normalization?.Apply(input);
        using var stem = _stem.call(normalisedInput ?? input);
        using var map = _groups.call(stem);
        using var active = FusedLayers.Activate(_norm.call(map), _norm, _relu);
        using var pooled = active.GlobalAverage();
        return _logits.call(pooled);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing) _normalization?.Dispose();
        base.Dispose(disposing);
    }

    private Sequential Group(int index)
    {
        var (input, output) = (Options.Widths[index], Options.Widths[index + 1]);
        var blocks = nn.Sequential();
        for (var i = 0; i < Options.BlocksPerGroup; i++)
        {
            var stride = i == 0 && index > 0 ? 2 : 1;
            blocks.append($"{i}", new DeepMindBlock(i == 0 ? input : output, output, stride, wide: true, Options.Activation));
        }
        return nn.Sequential(("block", blocks));
    }
}
