using TorchSharp.Modules;

namespace Ardir.Core;

/// <summary>
/// PyTorch's default initialisation, U(-1/sqrt(fan_in), 1/sqrt(fan_in)) for convolutions and linear layers and their biases, drawn from
/// this library's own random streams: a value depends only on the seed, the parameter's name and the position in it. Wide residual
/// networks have another initialisation, <c>CreateFanOut</c>.
/// </summary>
public static class SeededWeights
{
    /// <summary>A network with PyTorch's default initialisation.</summary>
    /// <typeparam name="T">The type of the network.</typeparam>
    /// <param name="seed">The seed; the layers' own values, from the global generator, when null.</param>
    /// <param name="build">Makes the network. With a seed, the state of the global CPU generator is restored after it.</param>
    /// <returns>The network, owned by the caller.</returns>
    public static T Create<T>(ulong? seed, Func<T> build) where T : nn.Module
    {
        ArgumentNullException.ThrowIfNull(build);
        return Create(seed, build, fillConvolutions: true);
    }

    /// <summary>A network whose convolutions come from N(0, 2/(k*k*C_out)), which is Kaiming-normal by fan-out, and whose linear biases
    /// are 0; the rest has PyTorch's default initialisation.</summary>
    /// <typeparam name="T">The type of the network.</typeparam>
    /// <param name="seed">The seed; values from the global generator when null.</param>
    /// <param name="build">Makes the network, as for <c>Create</c>.</param>
    /// <returns>The network, owned by the caller.</returns>
    public static T CreateFanOut<T>(ulong? seed, Func<T> build) where T : nn.Module
    {
        ArgumentNullException.ThrowIfNull(build);
        var network = Create(seed, build, fillConvolutions: false);
        using var noGrad = no_grad();
        foreach (var (name, module) in network.named_modules())
        {
            if (module is Linear { bias: { } bias }) bias.zero_();
            if (module is not Conv2d { weight: { } weight }) continue;
            var deviation = Math.Sqrt(2.0 / (weight.shape[0] * weight.shape[2] * weight.shape[3]));
            if (seed is { } given)
            {
                using var values = Streams(given, name + ".weight", weight).Normal(weight);
                weight.copy_(values.mul_(deviation));
            }
            else
            {
                weight.normal_(0, deviation);
            }
        }
        return network;
    }

    private static T Create<T>(ulong? seed, Func<T> build, bool fillConvolutions) where T : nn.Module
    {
        if (seed is not { } given) return build();
        // The layers' constructors draw from the global generator, whose state must be the same afterwards.
        using var untouched = new GlobalRandomScope();
        var network = build();
        FillDefault(network, given, fillConvolutions);
        return network;
    }

    private static void FillDefault(nn.Module network, ulong seed, bool fillConvolutions)
    {
        using var noGrad = no_grad();
        foreach (var (name, module) in network.named_modules())
        {
            var (weight, bias) = module switch
            {
                Conv2d convolution => (convolution.weight, convolution.bias),
                Linear linear => (linear.weight, linear.bias),
                _ => (null, null),
            };
            if (weight is null) continue;
            // The number of weights of one output is its fan-in.
            var bound = 1 / Math.Sqrt((double)weight.numel() / weight.shape[0]);
            if (fillConvolutions || module is not Conv2d) Fill(weight, bound, seed, name + ".weight");
            if (bias is not null) Fill(bias, bound, seed, name + ".bias");
        }
    }

    private static void Fill(Tensor parameter, double bound, ulong seed, string name)
    {
        using var values = Streams(seed, name, parameter).Uniform(parameter, -bound, bound);
        parameter.copy_(values);
    }

    private static SampleStreams Streams(ulong seed, string name, Tensor parameter) =>
        SampleStreams.ForSamples(SeedMixer.Mix(seed, name), null, (int)parameter.shape[0]);
}
