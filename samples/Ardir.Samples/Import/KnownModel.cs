using Ardir.Core;

namespace Ardir.Samples;

/// <summary>The network that weights belong to, with them in it and with the normalisation that came with them in front.</summary>
internal static class KnownModel
{
    private const int Listed = 10;

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

    /// <summary>Names what the file holds besides the weights: it could be a normalisation that the network needs.</summary>
    public static void WarnOfOmitted(StateDict weights)
    {
        if (weights.Omitted.Count == 0) return;
        var more = weights.Omitted.Count > Listed ? $", and {weights.Omitted.Count - Listed} more" : "";
        var names = string.Join(", ", weights.Omitted.Take(Listed));
        Job.Warn($"The file holds more than the weights that were read; left out: {names}{more}.");
    }
}
