using System.Runtime.CompilerServices;

namespace Ardir.Core;

/// <summary>Checks of networks' options and inputs, so that a mistake gives a clear message instead of an error of the native
/// library.</summary>
internal static class ModelGuard
{
    public static void Positive(int value, [CallerArgumentExpression(nameof(value))] string? name = null)
    {
        if (value < 1) throw new ArgumentOutOfRangeException(name, value, $"{name} must be at least 1.");
    }

    public static void Widths(IReadOnlyList<int> widths, [CallerArgumentExpression(nameof(widths))] string? name = null)
    {
        ArgumentNullException.ThrowIfNull(widths, name);
        if (widths.Count == 0) throw new ArgumentException($"{name} is empty; expected one number per stage and at least one stage.", name);
        foreach (var width in widths) Positive(width, name);
    }

    public static void WideDepth(int depth, string name)
    {
        if (depth < 10 || (depth - 4) % 6 != 0)
            throw new ArgumentOutOfRangeException(name, depth, $"{name} must be 6n+4 with n of at least 1, for example 16, 28, 34 or 70.");
    }

    /// <summary>Requires a floating-point [N,C,H,W] whose height and width are at least <paramref name="least"/> and a multiple of
    /// <paramref name="multiple"/>.</summary>
    public static void Input(Tensor input, int channels, int least = 1, int multiple = 1)
    {
        ArgumentNullException.ThrowIfNull(input);
        if (input.dim() != 4 || input.shape[1] != channels)
        {
            throw new ArgumentException(
                $"input has shape {TensorGuard.Shape(input)}; this network takes [N,{channels},H,W].", nameof(input));
        }
        if (!input.is_floating_point())
        {
            throw new ArgumentException(
                $"input has dtype {input.dtype}; this network takes floating-point pixels (float32). Divide uint8 pixels by 255.",
                nameof(input));
        }
        var (height, width) = (input.shape[2], input.shape[3]);
        if (height < least || width < least)
        {
            throw new ArgumentException(
                $"input has shape {TensorGuard.Shape(input)}; this network needs images of at least {least}x{least}.", nameof(input));
        }
        if (height % multiple != 0 || width % multiple != 0)
        {
            throw new ArgumentException(
                $"input has shape {TensorGuard.Shape(input)}; this network needs a height and a width that are multiples of {multiple}.",
                nameof(input));
        }
    }
}
