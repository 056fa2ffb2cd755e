using Ardir.Core;
using TorchSharp.Modules;

namespace Ardir.Benchmarks;

/// <summary>The pre-activation network of Rice et al. as somebody writes it with TorchSharp's own layers, for the raw loop. Its state has the names of
/// <see cref="PreActResNet"/>.</summary>
internal sealed class RawPreActResNet : nn.Module<Tensor, Tensor>
{
    private static readonly long[] _positions = [2, 3];

    private readonly Conv2d _conv1;
    private readonly List<Sequential> _stages = [];
    private readonly BatchNorm2d _bn;
    private readonly Linear _linear;

    public RawPreActResNet(PreActResNet network) : base(nameof(RawPreActResNet))
    {
        var options = network.Options;
        register_module("conv1", _conv1 = nn.Conv2d(options.InputChannels, options.Widths[0], 3, stride: options.FirstStride, padding: 1, bias: false));
        for (var i = 0; i < options.Widths.Count; i++)
        {
            var stage = nn.Sequential();
            for (var block = 0; block < options.BlocksPerStage; block++)
                stage.append($"{block}", new Block(options.Widths[block == 0 ? Math.Max(i - 1, 0) : i], options.Widths[i], i > 0 && block == 0 ? 2 : 1));
            register_module($"layer{i + 1}", stage);
            _stages.Add(stage);
        }
        register_module("bn", _bn = nn.BatchNorm2d(options.Widths[^1]));
        register_module("linear", _linear = nn.Linear(options.Widths[^1], options.Classes));
        load_state_dict(network.state_dict());
    }

    protected override void RegisterComponents()
    {
    }

    public override Tensor forward(Tensor input)
    {
        var map = _conv1.call(input);
        foreach (var stage in _stages)
        {
            using var before = map;
            map = stage.call(before);
        }
        using var last = map;
        using var normalised = _bn.call(last);
        using var active = normalised.relu();
        using var pooled = active.mean(_positions);
        return _linear.call(pooled);
    }

    private sealed class Block : nn.Module<Tensor, Tensor>
    {
        private readonly BatchNorm2d _bn1, _bn2;
        private readonly Conv2d _conv1, _conv2;
        private readonly Sequential? _shortcut;

        public Block(long input, long output, long stride) : base(nameof(Block))
        {
            register_module("bn1", _bn1 = nn.BatchNorm2d(input));
            register_module("conv1", _conv1 = nn.Conv2d(input, output, 3, stride: stride, padding: 1, bias: false));
            register_module("bn2", _bn2 = nn.BatchNorm2d(output));
            register_module("conv2", _conv2 = nn.Conv2d(output, output, 3, stride: 1, padding: 1, bias: false));
            if (stride != 1 || input != output) register_module("shortcut", _shortcut = nn.Sequential(("0", nn.Conv2d(input, output, 1, stride: stride, bias: false))));
        }

        protected override void RegisterComponents()
        {
        }

        public override Tensor forward(Tensor input)
        {
            using var normalised = _bn1.call(input);
            using var active = normalised.relu();
            using var hidden = _conv1.call(active);
            using var normalisedAgain = _bn2.call(hidden);
            using var activeAgain = normalisedAgain.relu();
            using var residual = _conv2.call(activeAgain);
            if (_shortcut is null) return residual + input;
            using var carried = _shortcut.call(active);
            return residual + carried;
        }
    }
}
