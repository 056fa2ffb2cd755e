using Ardir.Core;

namespace Ardir.Samples;

/// <summary>The network that weights belong to, with them in it and with the normalisation that came with them in front.</summary>
internal static class KnownModel
{
    public static (nn.Module<Tensor, Tensor> Model, LoadReport Report) Load(StateDict weights, ModelGuess guess)
    {
        var network = guess.Create();
        nn.Module<Tensor, Tensor> model = guess.Normalization is { } statistics ? statistics.Wrap(network) : network;
        try
        {
            return (model, model.LoadWeights(weights));
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }
}
