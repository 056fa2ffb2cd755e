namespace Ardir.Tests.Core.Models;

/// <summary>The published forward passes written down as formulas over a state dictionary: no modules, no shared code with the library.</summary>
internal sealed class ReferenceNetworks(IReadOnlyDictionary<string, Tensor> state)
{
    public Tensor PreAct(Tensor x, int[] strides, bool finalNorm, bool rawShortcut)
    {
        x = Conv(x, "conv1", 1, 1);
        for (var stage = 1; stage <= strides.Length; stage++)
        {
            for (var i = 0; i < 2; i++)
            {
                var (at, stride) = ($"layer{stage}.{i}", i == 0 ? strides[stage - 1] : 1);
                var a = Norm(x, $"{at}.bn1").relu();
                var h = Conv(Norm(Conv(a, $"{at}.conv1", stride, 1), $"{at}.bn2").relu(), $"{at}.conv2", 1, 1);
                x = h + (stride != 1 ? Conv(rawShortcut ? x : a, $"{at}.shortcut.0", stride, 0) : x);
            }
        }
        return Linear(Pool(finalNorm ? Norm(x, "bn").relu() : x), "linear");
    }

    public Tensor ResNet18(Tensor x)
    {
        x = Norm(Conv(x, "conv1", 1, 1), "bn1").relu();
        for (var stage = 1; stage <= 4; stage++)
        {
            for (var i = 0; i < 2; i++)
            {
                var (at, stride) = ($"layer{stage}.{i}", i == 0 && stage > 1 ? 2 : 1);
                var h = Norm(Conv(x, $"{at}.conv1", stride, 1), $"{at}.bn1").relu();
                h = Norm(Conv(h, $"{at}.conv2", 1, 1), $"{at}.bn2");
                x = (h + (stride == 2 ? Norm(Conv(x, $"{at}.shortcut.0", 2, 0), $"{at}.shortcut.1") : x)).relu();
            }
        }
        return Linear(Pool(x), "linear");
    }

    public Tensor MobileNet(Tensor x)
    {
        x = Norm(Conv(x, "conv1", 1, 1), "bn1").relu();
        var (index, width) = (0, 32);
        foreach (var (expansion, output, blocks, first) in new[] { (1, 16, 1, 1), (6, 24, 2, 1), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1) })
        {
            for (var i = 0; i < blocks; i++, index++, width = output)
            {
                var (at, stride) = ($"layers.{index}", i == 0 ? first : 1);
                var h = Norm(Conv(x, $"{at}.conv1", 1, 0), $"{at}.bn1").relu();
                h = Norm(Conv(h, $"{at}.conv2", stride, 1, groups: expansion * width), $"{at}.bn2").relu();
                h = Norm(Conv(h, $"{at}.conv3", 1, 0), $"{at}.bn3");
                x = stride != 1 ? h : h + (width == output ? x : Norm(Conv(x, $"{at}.shortcut.0", 1, 0), $"{at}.shortcut.1"));
            }
        }
        return Linear(Pool(Norm(Conv(x, "conv2", 1, 0), "bn2").relu()), "linear");
    }

    public Tensor DeepMindWide(Tensor x, int blocks, bool swish, double[] mean, double[] std)
    {
        x = Conv(Scale(x, mean, std), "init_conv", 1, 1);
        for (var group = 0; group < 3; group++)
        {
            for (var i = 0; i < blocks; i++)
            {
                var (at, stride) = ($"layer.{group}.block.{i}", i == 0 && group > 0 ? 2 : 1);
                var a = Act(Norm(x, $"{at}.batchnorm_0"), swish);
                var h = Act(Norm(Conv(Same(a, stride), $"{at}.conv_0", stride, 0), $"{at}.batchnorm_1"), swish);
                x = Conv(h, $"{at}.conv_1", 1, 1) + (state.ContainsKey($"{at}.shortcut.weight") ? Conv(a, $"{at}.shortcut", stride, 0) : x);
            }
        }
        return Linear(Pool(Act(Norm(x, "batchnorm"), swish)), "logits");
    }

    public Tensor DeepMindPreAct(Tensor x, bool swish, double[] mean, double[] std)
    {
        x = Conv(Scale(x, mean, std), "conv_2d", 1, 1);
        for (var stage = 0; stage < 4; stage++)
        {
            for (var i = 0; i < 2; i++)
            {
                var (at, stride) = ($"layer_{stage}.{i}", i == 0 && stage > 0 ? 2 : 1);
                var a = Act(Norm(x, $"{at}.batchnorm_0"), swish);
                var h = Act(Norm(Conv(Same(a, stride), $"{at}.conv_2d_1", stride, 0), $"{at}.batchnorm_1"), swish);
                x = Conv(h, $"{at}.conv_2d_2", 1, 1) + (stride == 2 ? Conv(Same(x, 2), $"{at}.shortcut", 2, 0) : x);
            }
        }
        return Linear(Pool(Act(Norm(x, "batchnorm"), swish)), "logits");
    }

    public Tensor Small(Tensor x)
    {
        foreach (var at in new[] { "features.0", "features.3" })
            x = nn.functional.max_pool2d(nn.functional.conv2d(x, state[$"{at}.weight"], state[$"{at}.bias"], padding: [1, 1]).relu(), 2);
        return Linear(Linear(x.flatten(1), "classifier.0").relu(), "classifier.2");
    }

    private static Tensor Act(Tensor x, bool swish) => swish ? x * x.sigmoid() : x.relu();

    private static Tensor Pool(Tensor x) => x.flatten(2).mean([2]);

    private static Tensor Scale(Tensor x, double[] mean, double[] std) => (x - tensor(mean, [1, 3, 1, 1])) / tensor(std, [1, 3, 1, 1]);

    // TensorFlow's SAME for a 3x3 kernel on an even size.
    private static Tensor Same(Tensor x, int stride)
    {
        var first = stride == 1 ? 1 : 0;
        var padded = zeros(x.shape[0], x.shape[1], x.shape[2] + first + 1, x.shape[3] + first + 1, ScalarType.Float64);
        padded.narrow(2, first, x.shape[2]).narrow(3, first, x.shape[3]).copy_(x);
        return padded;
    }

    private Tensor Conv(Tensor x, string key, int stride, int padding, int groups = 1) =>
        nn.functional.conv2d(x, state[key + ".weight"], null, strides: [stride, stride], padding: [padding, padding], groups: groups);

    private Tensor Norm(Tensor x, string key)
    {
        Tensor Channel(string part) => state[$"{key}.{part}"].reshape(1, -1, 1, 1);
        return (x - Channel("running_mean")) / (Channel("running_var") + 1e-5).sqrt() * Channel("weight") + Channel("bias");
    }

    private Tensor Linear(Tensor x, string key) => x.mm(state[key + ".weight"].t()) + state[key + ".bias"];
}
