using TorchSharp.Modules;

namespace Ardir.Core;

/// <summary>
/// A network for quick experiments: two 3x3 convolutions with ReLU, each followed by a 2x2 max pooling, then two linear layers. State
/// entries are <c>features.0</c>, <c>features.3</c>, <c>classifier.0</c>, <c>classifier.2</c> (weight and bias each); 162,710 parameters
/// by default.
/// </summary>
/// <remarks><see cref="FeatureTap"/> sees <c>features</c>, <c>features.1</c> and <c>features.4</c> (activated maps) and
/// <c>classifier.1</c> (hidden units).</remarks>
/// <example><code>
/// using var model = SmallCnn.Create(new SmallCnnOptions { Classes = 10, Seed = 1 });   // [N,1,28,28] to [N,10]
/// </code></example>
public sealed class SmallCnn : nn.Module<Tensor, Tensor>
{
    private readonly Sequential _features, _classifier;

    private SmallCnn(SmallCnnOptions options) : base(nameof(SmallCnn))
    {
        Options = options;
        _features = nn.Sequential(
            ("0", nn.Conv2d(options.InputChannels, options.FirstWidth, kernel_size: 3, padding: 1)),
            ("1", nn.ReLU()),
            ("2", nn.MaxPool2d(2)),
            ("3", nn.Conv2d(options.FirstWidth, options.SecondWidth, kernel_size: 3, padding: 1)),
            ("4", nn.ReLU()),
            ("5", nn.MaxPool2d(2)));
        var flat = (long)options.SecondWidth * (options.Height / 4) * (options.Width / 4);
        _classifier = nn.Sequential(
            ("0", nn.Linear(flat, options.Hidden)), ("1", nn.ReLU()), ("2", nn.Linear(options.Hidden, options.Classes)));
        register_module("features", _features);
        register_module("classifier", _classifier);
    }

    /// <summary>What the network was made from.</summary>
    public SmallCnnOptions Options { get; }

    /// <summary>A network.</summary>
    /// <param name="options">Its shape; 28x28x1 and ten classes when null.</param>
    /// <returns>A float32 network on the CPU in training mode, owned by the caller.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A number is not positive, or the images are smaller than 4x4.</exception>
    public static SmallCnn Create(SmallCnnOptions? options = null)
    {
        options ??= new SmallCnnOptions();
        options.Validate();
        return SeededWeights.Create(options.Seed, () => new SmallCnn(options));
    }

    /// <inheritdoc/>
    // Everything is already registered under its published name. TorchSharp calls this when the module is put inside another one, and
    // the base method would register everything a second time, under the names of the fields.
    protected override void RegisterComponents()
    {
    }

    /// <summary>Classifies images.</summary>
    /// <param name="input">[N,C,H,W] of the size that the network was made for.</param>
    /// <returns>Logits [N,K].</returns>
    /// <exception cref="ArgumentException">Another shape, or not floating point.</exception>
    public override Tensor forward(Tensor input)
    {
        ModelGuard.Input(input, Options.InputChannels);
        if (input.shape[2] != Options.Height || input.shape[3] != Options.Width)
        {
            throw new ArgumentException(
                $"input has shape {TensorGuard.Shape(input)}; this network takes " +
                $"[N,{Options.InputChannels},{Options.Height},{Options.Width}].", nameof(input));
        }
        using var map = _features.call(input);
        using var flat = map.flatten(1);
        return _classifier.call(flat);
    }
}
