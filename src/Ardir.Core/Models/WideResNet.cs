using TorchSharp.Modules;

namespace Ardir.Core;

/// <summary>
/// Wide residual network WRN-d-k (Zagoruyko and Komodakis 2016) for 32x32 images, with the state entries of the PyTorch code that TRADES,
/// ARD, RSLAD and most of RobustBench use (<c>conv1</c>, <c>block1.layer.0.bn1</c>, <c>block2.layer.0.convShortcut</c>, <c>bn1</c>,
/// <c>fc</c>). A k x k convolution is initialised with N(0, 2/(k*k*C_out)) (Kaiming, fan-out), the last bias with 0.
/// </summary>
/// <remarks>
/// <see cref="FeatureTap"/> sees <c>block1</c>, <c>block2</c>, <c>block3</c> (before activation), <c>block1.layer.0.relu1</c> and the
/// like, and <c>relu</c> (the activated last map). At 32x32 the groups of WRN-28-10 give 160x32x32, 320x16x16 and 640x8x8.
/// The network does not normalise its input: wrap it in <see cref="Normalize"/> for that. Checkpoints of TRADES and of the code that
/// derives from it hold a group <c>sub_block1</c> that the network never uses.
/// </remarks>
/// <example><code>
/// using var model = WideResNet.Create(depth: 28, widen: 10, classes: 10);   // 36,479,194 parameters
/// </code></example>
public sealed class WideResNet : nn.Module<Tensor, Tensor>
{
    private readonly Conv2d _conv1;
    private readonly Sequential[] _groups = new Sequential[3];
    private readonly BatchNorm2d _bn1;
    private readonly ReLU _relu = nn.ReLU();
    private readonly Linear _fc;

    private WideResNet(WideResNetOptions options) : base(nameof(WideResNet))
    {
        Options = options;
        var widths = options.Widths;
        _conv1 = nn.Conv2d(options.InputChannels, widths[0], kernel_size: 3, padding: 1, bias: false);
        register_module("conv1", _conv1);
        for (var i = 0; i < _groups.Length; i++)
        {
            _groups[i] = Group(options, widths[i], widths[i + 1], stride: i == 0 ? 1 : 2);
            register_module($"block{i + 1}", _groups[i]);
        }
        _bn1 = nn.BatchNorm2d(widths[^1]);
        _fc = nn.Linear(widths[^1], options.Classes);
        register_module("bn1", _bn1);
        register_module("relu", _relu);
        register_module("fc", _fc);
    }

    /// <summary>What the network was made from.</summary>
    public WideResNetOptions Options { get; }

    /// <summary>A network WRN-depth-widen.</summary>
    /// <param name="depth">6n+4: n blocks in each of the three groups.</param>
    /// <param name="widen">Factor on the widths 16, 32, 64.</param>
    /// <param name="classes">Number of classes.</param>
    /// <param name="inputChannels">Channels of the images.</param>
    /// <param name="seed">Seed of the initial weights; from the global generator when null.</param>
    /// <returns>A float32 network on the CPU in training mode, owned by the caller.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A number is not positive, or the depth is not 6n+4.</exception>
    public static WideResNet Create(int depth = 28, int widen = 10, int classes = 10, int inputChannels = 3, ulong? seed = null) =>
        Create(new WideResNetOptions { Depth = depth, Widen = widen, Classes = classes, InputChannels = inputChannels, Seed = seed });

    /// <summary>A network from options.</summary>
    /// <param name="options">Its shape.</param>
    /// <returns>A float32 network on the CPU in training mode, owned by the caller.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of range.</exception>
    public static WideResNet Create(WideResNetOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        return SeededWeights.CreateFanOut(options.Seed, () => new WideResNet(options));
    }

    /// <inheritdoc/>
    // Everything is already registered under its published name. TorchSharp calls this when the module is put inside another one, and
    // the base method would register everything a second time, under the names of the fields.
    protected override void RegisterComponents()
    {
    }

    /// <summary>Classifies images.</summary>
    /// <param name="input">[N,C,H,W] with C = <see cref="WideResNetOptions.InputChannels"/>; any height and width.</param>
    /// <returns>Logits [N,K].</returns>
    /// <exception cref="ArgumentException">Another shape, or not floating point.</exception>
    public override Tensor forward(Tensor input)
    {
        ModelGuard.Input(input, Options.InputChannels);
        using var map = LayerMath.Chain(_conv1.call(input), _groups);
        using var active = FusedLayers.NormRelu(_bn1, _relu, map);
        using var pooled = active.GlobalAverage();
        return _fc.call(pooled);
    }

    // The published code wraps the blocks of a group in a module whose only child is "layer", so that word is part of their names.
    private static Sequential Group(WideResNetOptions options, int input, int output, int stride)
    {
        var blocks = nn.Sequential();
        for (var i = 0; i < options.BlocksPerGroup; i++)
        {
            blocks.append($"{i}", i == 0
                ? PreActBlock.Wide(input, output, stride, options.Dropout)
                : PreActBlock.Wide(output, output, stride: 1, options.Dropout));
        }
        return nn.Sequential(("layer", blocks));
    }
}
