namespace Ardir.Core;

/// <summary>In which order of their values convolutions compute. It changes how long a pass takes and the last digits of its results
/// (about 1e-6 of a logit in float32), nothing else: weights, state and checkpoints are the same in each.</summary>
public enum MemoryFormat
{
    /// <summary>The order in which the weights of the model are: channel by channel (NCHW), unless somebody rearranged them. The same seed
    /// gives the same bits as in earlier runs.</summary>
    Contiguous,

    /// <summary>Pixel by pixel (NHWC), which libtorch computes faster on many CPUs, and on GPUs with tensor cores. A model that calls
    /// <c>view</c> on a map may refuse it: let it call <c>reshape</c> or <c>flatten</c>.</summary>
    ChannelsLast,

    /// <summary>Whichever of both a short measurement on the first batch finds faster (<see cref="PassFormat.Fastest"/>). Two runs with the
    /// same seed may choose differently and then differ in the last digits.</summary>
    Measured,
}
