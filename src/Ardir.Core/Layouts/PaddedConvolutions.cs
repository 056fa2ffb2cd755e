using TorchSharp.Modules;

namespace Ardir.Core;

/// <summary>Finds convolutions for which libtorch pads channels with memory that it has not set.</summary>
internal static class PaddedConvolutions
{
    // What a vector register of AVX-512 holds.
    private const long Block = 16;

    /// <summary>Whether a model on the CPU has such a convolution, or cannot be looked into.</summary>
    public static bool AreIn(IModule model) => IModelWrapper.Unwrap(model) is not nn.Module root || AreIn(root);

    /// <summary>Whether a module on the CPU has such a convolution.</summary>
    public static bool AreIn(nn.Module root) =>
        root.modules().Prepend(root).Any(module => module is Convolution convolution ? IsPadded(convolution) : HasPadded(module));

    private static bool IsPadded(Convolution convolution) =>
        convolution.groups == 1 && convolution.parameters().Any(parameter => parameter.dim() > 2 && IsPadded(parameter));

    // A module of the user's that calls a convolution with a parameter of its own, or a compiled one.
    private static bool HasPadded(nn.Module module) =>
        module.named_parameters(recurse: false).Any(pair => pair.parameter.dim() is 4 or 5 && IsPadded(pair.parameter));

    // [outputs, inputs, ...]; of a transposed convolution [inputs, outputs, ...], whose passes are those of the other one, exchanged.
    private static bool IsPadded(Tensor weight)
    {
        var shape = weight.shape;
        return weight.device_type == DeviceType.CPU && shape.Skip(2).Any(size => size > 1)
            && (shape[0] % Block != 0 || (shape[1] > Block && shape[1] % Block != 0));
    }
}
