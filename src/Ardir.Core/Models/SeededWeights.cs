using TorchSharp.Modules;

namespace Ardir.Core;

/// <summary>
/// PyTorch's default initialisation, U(-1/sqrt(fan_in), 1/sqrt(fan_in)) for convolutions and linear layers and their biases, from numbers of our own:
/// they depend only on the seed, the parameter's name and the place in it.
/// </summary>
internal static class SeededWeights
{
    public static void Fill(nn.Module network, ulong seed)
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
            var bound = 1 / Math.Sqrt((double)weight.numel() / weight.shape[0]);   // one output's weights: its fan-in
            Fill(weight, bound, SeedMixer.Mix(seed, name + ".weight"));
            if (bias is not null) Fill(bias, bound, SeedMixer.Mix(seed, name + ".bias"));
        }
    }

    private static void Fill(Tensor parameter, double bound, ulong seed)
    {
        using var values = SampleStreams.ForSamples(seed, null, (int)parameter.shape[0]).Uniform(parameter, -bound, bound);
        parameter.copy_(values);
    }
}
