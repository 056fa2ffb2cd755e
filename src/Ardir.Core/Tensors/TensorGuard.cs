using System.Runtime.CompilerServices;

namespace Ardir.Core;

/// <summary>Checks of tensors at public boundaries. Each exception message names the argument, what it was and what was
/// expected.</summary>
internal static class TensorGuard
{
    // Rounding in a data pipeline may leave [0,1] by this much. Anything more is a mistake, usually a normalisation outside the model.
    public const double BoxTolerance = 1e-6;

    public static void Floating(Tensor tensor, [CallerArgumentExpression(nameof(tensor))] string? name = null)
    {
        Dense(tensor, name);
        if (!tensor.is_floating_point())
        {
            throw new ArgumentException(
                $"{name} has dtype {tensor.dtype}; expected a floating-point tensor (float32). Convert with .to(ScalarType.Float32), and " +
                "divide uint8 pixels by 255.", name);
        }
    }

    /// <summary>Requires floating point [N,...] with at least two dimensions and one value.</summary>
    public static void Inputs(Tensor inputs, [CallerArgumentExpression(nameof(inputs))] string? name = null)
    {
        Floating(inputs, name);
        if (inputs.dim() < 2)
        {
            throw new ArgumentException(
                $"{name} has shape {Shape(inputs)}; expected a batch, [N,C,H,W] for images or [N,F] for a table. Use unsqueeze(0) for a " +
                "single input.",
                name);
        }
        if (inputs.numel() == 0)
            throw new ArgumentException($"{name} has shape {Shape(inputs)}: the batch is empty. Pass at least one input.", name);
    }

    /// <summary>Requires int64 [N] on the device of the images. <see cref="LabelRange"/> checks the values.</summary>
    public static void Labels(Tensor labels, Tensor images, [CallerArgumentExpression(nameof(labels))] string? name = null)
    {
        Dense(labels, name);
        if (labels.dtype != ScalarType.Int64)
        {
            throw new ArgumentException(
                $"{name} has dtype {labels.dtype}; expected int64 class indices. Convert with .to(ScalarType.Int64); one-hot labels with " +
                ".argmax(1).", name);
        }
        if (labels.dim() != 1 || labels.shape[0] != images.shape[0])
        {
            var hint = images.dim() == 4 ? "" : $" The images have shape {Shape(images)}; a single one [C,H,W] needs unsqueeze(0).";
            throw new ArgumentException(
                $"{name} has shape {Shape(labels)}; expected [{images.shape[0]}], one class index per image.{hint}", name);
        }
        SameDevice(labels, images, name);
    }

    /// <summary>Requires labels within [0,classes), or only non-negative ones while the number of classes is unknown.</summary>
    public static void LabelRange(Tensor labels, long? classes = null, [CallerArgumentExpression(nameof(labels))] string? name = null)
    {
        if (CheckedBatch.HasLabels(labels, classes)) return;
        using var low = labels.min();
        using var high = labels.max();
        var (lowest, highest) = (HostRead.Int64(low), HostRead.Int64(high));
        if (lowest < 0 || highest >= classes)
        {
            var expected = classes is null
                ? "expected class indices, which start at 0"
                : $"there are {classes} classes, so expected 0 to {classes - 1}";
            throw new ArgumentException($"{name} has values from {lowest} to {highest}; {expected}.", name);
        }
    }

    /// <summary>Requires values in [0,1] up to rounding; NaN and infinite values have a message of their own.</summary>
    public static void Box(Tensor images, [CallerArgumentExpression(nameof(images))] string? name = null) => Box(images, 0, 1, name);

    /// <summary>Requires values between two bounds up to rounding; NaN and infinite values have a message of their own.</summary>
    public static void Box(Tensor images, double minimum, double maximum, string? name)
    {
        if (minimum <= 0 && maximum >= 1 && CheckedBatch.HasImages(images)) return;
        using var low = images.min();
        using var high = images.max();
        var (lowest, highest) = (HostRead.Double(low), HostRead.Double(high));
        if (double.IsNaN(lowest) || double.IsNaN(highest) || double.IsInfinity(lowest) || double.IsInfinity(highest))
            throw new ArgumentException($"{name} contains NaN or infinite values.", name);
        var tolerance = BoxTolerance * (maximum - minimum);
        if (lowest >= minimum - tolerance && highest <= maximum + tolerance) return;
        var isUnit = minimum == 0 && maximum == 1;
        throw new ArgumentException(
            $"{name} has values from {lowest:G6} to {highest:G6}; expected {(isUnit ? "pixels" : "values")} in [{minimum:R},{maximum:R}]" +
            (isUnit
                ? ". Divide 0..255 pixels by 255, and put any mean/std normalisation inside the model: new Normalize(mean, std, model)."
                : ", the bounds of the threat model. Scale the inputs, or state their bounds in the threat model."),
            name);
    }

    public static void Finite(Tensor tensor, [CallerArgumentExpression(nameof(tensor))] string? name = null)
    {
        using var finite = tensor.isfinite();
        using var all = finite.all();
        if (!HostRead.Bool(all)) throw new ArgumentException($"{name} contains NaN or infinite values.", name);
    }

    public static void SameKind(
        Tensor a,
        Tensor b,
        [CallerArgumentExpression(nameof(a))] string? nameA = null,
        [CallerArgumentExpression(nameof(b))] string? nameB = null)
    {
        Floating(a, nameA);
        Floating(b, nameB);
        if (a.dim() < 2 || !a.shape.AsSpan().SequenceEqual(b.shape))
        {
            throw new ArgumentException(
                $"{nameB} has shape {Shape(b)} and {nameA} has {Shape(a)}; expected the same [N,...].", nameB);
        }
        if (a.dtype != b.dtype)
            throw new ArgumentException($"{nameB} has dtype {b.dtype} and {nameA} has {a.dtype}; expected the same.", nameB);
        SameDevice(b, a, nameB);
    }

    public static void SameDevice(Tensor tensor, Tensor other, [CallerArgumentExpression(nameof(tensor))] string? name = null)
    {
        if (tensor.device_type != other.device_type || tensor.device_index != other.device_index)
        {
            throw new ArgumentException(
                $"{name} is on {tensor.device} but the images are on {other.device}; move it with .to(device).", name);
        }
    }

    public static string Shape(Tensor tensor) => $"[{string.Join(",", tensor.shape)}]";

    /// <summary>Requires a tensor that is not null, not disposed and not sparse.</summary>
    public static void Dense(Tensor tensor, [CallerArgumentExpression(nameof(tensor))] string? name = null)
    {
        ArgumentNullException.ThrowIfNull(tensor, name);
        if (tensor.IsInvalid) throw new ArgumentException($"{name} has been disposed.", name);
        if (tensor.is_sparse) throw new ArgumentException($"{name} is a sparse tensor; expected a dense one. Call to_dense() on it.", name);
    }
}
