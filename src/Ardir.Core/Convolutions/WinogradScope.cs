using TorchSharp.Modules;

namespace Ardir.Core;

/// <summary>
/// Lets the 3x3 convolutions of a model compute by Winograd's algorithm on the CPU until it is disposed: F(4x4, 3x3) of Lavin and Gray
/// (2016), which needs a quarter of the multiplications, forward and for the gradient of the input. Convolutions of small maps, where the
/// algorithm saves nothing, are computed without rearranging their many weights and without the padding. Works for any model; parameters
/// and state are not touched. It concerns the passes of the thread that made it, which should end it, too. Scopes may be nested.
/// </summary>
/// <remarks>
/// It applies to <see cref="Conv2d"/> in float32 with stride 1, padding 1, one group, no dilation, a multiple of 16 channels on both sides
/// and at most 384 of them, while no hook watches it, to maps of at least 5x5 pixels, and on x86 processors with AVX2. Small maps are
/// results of at most 64 pixels for which each image takes a million products or more; there any kernel of more than one pixel, stride,
/// padding and dilation and any multiple of 16 channels will do. All other convolutions compute as before. The transformed weights are
/// computed when a layer is first called and take, with a copy of the weights, 5 times the memory of the weights until the last scope
/// ends; those of a gradient are computed in each backward pass. They have the values that the layers had then, and no gradient reaches
/// the layers through them. For small maps the weights are read where they lie if they are in channels-last order (<see
/// cref="ChannelsLastScope"/>), and copied into it otherwise. Do not train, move or convert the model within the scope. A value that is
/// not finite makes all outputs of its tile NaN. A call uses as many threads as libtorch may, which wait for those of libtorch that are
/// busy waiting: better call the model on several threads with one of libtorch's and a part of the batch each, as attacks with more than
/// one shard do. With more of libtorch's than one, small maps, and convolutions of less than a million products for each image, compute as
/// before. Maps are in channels-last order after the first such layer, so <see cref="ChannelsLastScope"/> suits the remaining ones.
/// </remarks>
/// <example><code>
/// using (new WinogradScope(model))
/// using (Tensor logits = model.call(images)) Console.WriteLine(logits.shape[0]);
/// </code></example>
public sealed class WinogradScope : IDisposable
{
    private readonly List<Conv2d> _entered = [];

    /// <summary>Begins the scope.</summary>
    /// <param name="model">Any model; nothing is done where it is no <see cref="nn.Module"/> or has no suitable convolution.</param>
    public WinogradScope(IModule model)
    {
        if (IModelWrapper.Unwrap(model) is not nn.Module root) return;
        try
        {
            _entered.AddRange(ChannelsLastScope.ConvolutionsOf(root).Where(FastLayer.Enter));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>How many convolutions compute by Winograd's algorithm where maps are large enough.</summary>
    public int Count => _entered.Count(FastAlgorithm.SuitsWinograd);

    /// <summary>Ends the scope; the model computes as before.</summary>
    public void Dispose()
    {
        foreach (var convolution in _entered) FastLayer.Leave(convolution);
        _entered.Clear();
        ConvolutionFunction.Release();
        ConvolutionWorkspace.Release();
        ConvolutionFunction.ThrowIfFailed();
    }
}
