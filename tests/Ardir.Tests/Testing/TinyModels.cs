using TorchSharp.Modules;

namespace Ardir.Tests;

/// <summary>Small models and images with values from a seed, the same on every machine.</summary>
internal static class TinyModels
{
    /// <summary>Values in [low,high) from .NET's seeded generator.</summary>
    public static Tensor Random(long[] shape, int seed, ScalarType dtype = ScalarType.Float64, double low = 0, double high = 1)
    {
        var random = new Random(seed);
        var values = new double[shape.Aggregate(1L, (product, size) => product * size)];
        for (var i = 0; i < values.Length; i++) values[i] = low + (high - low) * random.NextDouble();
        using var doubles = tensor(values, shape);
        return doubles.to(dtype).alias();
    }

    /// <summary>Images [n,1,4,4] away from the edges of the box unless told otherwise.</summary>
    public static Tensor Images(int count, ScalarType dtype = ScalarType.Float32, int seed = 1, double low = 0, double high = 1) =>
        Random([count, 1, 4, 4], seed, dtype, low, high);

    public static Tensor Labels(int count, int classes = 4) => tensor([.. Enumerable.Range(0, count).Select(i => (long)(i % classes))]);

    /// <summary>What the model says in eval mode, so that an attack has work to do; the last sample gets another class, so that one is already broken.</summary>
    public static Tensor Predicted(nn.Module<Tensor, Tensor> model, Tensor images)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var modes = model.modules().Prepend(model).Select(module => (module, module.training)).ToList();
        model.eval();
        var logits = model.call(images);
        foreach (var (module, training) in modes) module.train(training);
        var labels = logits.argmax(1);
        labels[^1] = (labels[^1] + 1).remainder(logits.shape[1]);
        return labels.MoveToOuterDisposeScope();
    }

    /// <summary>logits = W x + b with W [K,D] from a seed.</summary>
    public static LinearModel Linear(int classes = 4, int inputs = 16, ScalarType dtype = ScalarType.Float64, int seed = 5) =>
        new(Random([classes, inputs], seed, dtype, -1, 1), Random([classes], seed + 1, dtype, -0.1, 0.1));

    /// <summary>Convolution, batch norm, softplus, dropout, linear: smooth, and sensitive to mode in two ways. What it says depends on the image, so that small
    /// changes can change it.</summary>
    public static Sequential Smooth(int classes = 4, ScalarType dtype = ScalarType.Float32, int seed = 11)
    {
        var last = nn.Linear(48, classes);
        var net = nn.Sequential(
            ("conv", nn.Conv2d(1, 3, 3, padding: 1L)),
            ("bn", nn.BatchNorm2d(3)),
            ("act", nn.Softplus()),
            ("drop", nn.Dropout(0.5)),
            ("flat", nn.Flatten()),
            ("fc", last));
        net.to(dtype);
        Fill(net, seed);
        Centre(net, last);
        return net;
    }

    // Without this one class wins on every image there is, and no attack could break anything. The logits differ enough for half precision, too.
    private static void Centre(Sequential net, Linear last)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        net.eval();
        last.weight!.mul_(8);
        last.bias!.sub_(net.call(Images(64, last.bias.dtype, seed: 77)).mean([0])).add_(arange(last.bias.numel()) * 0.1);
        net.train();
    }

    /// <summary>A 3x3 convolution with padding 1 and fixed weights, in float32.</summary>
    public static Conv2d Convolution(long inputs, long outputs, bool bias)
    {
        var convolution = nn.Conv2d(inputs, outputs, 3, padding: 1, bias: bias);
        Fill(convolution, 5);
        return convolution;
    }

    /// <summary>Overwrites every parameter with seeded values, scaled to keep activations of order one.</summary>
    public static void Fill(nn.Module module, int seed)
    {
        using var noGrad = no_grad();
        foreach (var (_, parameter) in module.named_parameters())
        {
            var reach = parameter.dim() > 1 ? 1.5 / Math.Sqrt(parameter.numel() / (double)parameter.shape[0]) : 0.5;
            using var values = Random(parameter.shape, seed++, parameter.dtype, -reach, reach);
            parameter.copy_(values);
        }
    }
}
