using TorchSharp.Modules;

namespace Ardir.Core;

/// <summary>
/// The PreActResNet of Gowal et al. (2021), Rebuffi et al. (2021) and Rade and Moosavi-Dezfooli (2021), with their state entries
/// (<c>conv_2d</c>, <c>layer_0.0.batchnorm_0</c>, <c>layer_1.0.shortcut</c>, <c>batchnorm</c>, <c>logits</c>): 3x3 shortcuts that read
/// the raw input, padding as in TensorFlow, Swish or ReLU, and a built-in normalisation, so that it takes pixels in [0,1].
/// 12,548,426 parameters at depth 18 for 10 classes.
/// </summary>
/// <remarks><see cref="FeatureTap"/> sees <c>layer_0</c> to <c>layer_3</c> (before activation) and <c>relu</c> (the activated last
/// map).</remarks>
/// <example><code>
/// using var model = DeepMindPreActResNet.Create();        // depth 18, Swish
/// </code></example>
public sealed class DeepMindPreActResNet : nn.Module<Tensor, Tensor>
{
    private readonly Conv2d _stem;
    private readonly Sequential[] _stages;
    private readonly BatchNorm2d _norm;
    private readonly nn.Module<Tensor, Tensor> _relu;
    private readonly Linear _logits;
    private readonly ChannelConstants? _normalization;

    private DeepMindPreActResNet(DeepMindPreActResNetOptions options) : base(nameof(DeepMindPreActResNet))
    {
        Options = options;
        _normalization = options.Normalization is null ? null : new ChannelConstants(options.Normalization);
        _stem = nn.Conv2d(options.InputChannels, options.Widths[0], kernel_size: 3, padding: 1, bias: false);
        register_module("conv_2d", _stem);
        _stages = new Sequential[options.Widths.Count];
        for (var i = 0; i < _stages.Length; i++)
        {
            _stages[i] = Stage(i);
            register_module($"layer_{i}", _stages[i]);
        }
        _norm = nn.BatchNorm2d(options.Widths[^1]);
        _relu = options.Activation.Create();
        _logits = nn.Linear(options.Widths[^1], options.Classes);
        register_module("batchnorm", _norm);
        register_module("relu", _relu);
        register_module("logits", _logits);
    }

    /// <summary>What the network was made from.</summary>
    public DeepMindPreActResNetOptions Options { get; }

    /// <summary>A network.</summary>
    /// <param name="options">Its shape; depth 18 with Swish when null.</param>
    /// <returns>A float32 network on the CPU in training mode, owned by the caller.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of range, or the activation is unknown.</exception>
    /// <exception cref="ArgumentException">There are no widths, or not as many blocks, or the normalisation does not fit.</exception>
    public static DeepMindPreActResNet Create(DeepMindPreActResNetOptions? options = null)
    {
        options ??= new DeepMindPreActResNetOptions();
        options.Validate();
        options = options with { Widths = [.. options.Widths], Blocks = [.. options.Blocks] };
        return SeededWeights.Create(options.Seed, () => new DeepMindPreActResNet(options));
    }

    /// <inheritdoc/>
    // Everything is already registered under its published name. TorchSharp calls this when the module is put inside another one, and
    // the base method would register everything a second time, under the names of the fields.
    protected override void RegisterComponents()
    {
    }

    /// <summary>Classifies images.</summary>
    /// <param name="input">Pixels in [0,1], [N,C,H,W] with C = <see cref="DeepMindPreActResNetOptions.InputChannels"/>; height and width
    /// at least 2 to the power of the number of halvings, 8 for four stages.</param>
    /// <returns>Logits [N,K].</returns>
    /// <exception cref="ArgumentException">Another shape, or not floating point.</exception>
    public override Tensor forward(Tensor input)
    {
        ModelGuard.Input(input, Options.InputChannels, least: 1 << (_stages.Length - 1));
        using var normalisedInput = _normalization?.Apply(input);
        using var map = LayerMath.Chain(_stem.call(normalisedInput ?? input), _stages);
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

    private Sequential Stage(int index)
    {
        var (input, output) = (Options.Widths[Math.Max(index - 1, 0)], Options.Widths[index]);
        var stage = nn.Sequential();
        for (var i = 0; i < Options.Blocks[index]; i++)
        {
            var stride = i == 0 && index > 0 ? 2 : 1;
            stage.append($"{i}", new DeepMindBlock(i == 0 ? input : output, output, stride, wide: false, Options.Activation));
        }
        return stage;
    }
}
