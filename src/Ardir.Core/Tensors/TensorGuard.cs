using System.Runtime.CompilerServices;

namespace Ardir.Core;

/// <summary>
/// Checks of the tensors that a caller passes to an attack, a loss or an evaluation. Each exception names the argument, what it was, what
/// was expected and what to do.
/// </summary>
/// <example><code>
/// TensorGuard.Inputs(images);
/// TensorGuard.Labels(labels, images);
/// TensorGuard.Box(images);              // reads two numbers on the host
/// </code></example>
public static class TensorGuard
{
    /// <summary>Rounding in a data pipeline may leave [0,1] by this much (1e-6). Anything more is a mistake, usually a normalisation
    /// outside of the model.</summary>
    public const double BoxTolerance = 1e-6;

    /// <summary>Requires a dense floating-point tensor of any shape.</summary>
    /// <param name="tensor">The tensor.</param>
    /// <param name="name">The argument that the exception names; the caller's own text for it when null.</param>
    /// <exception cref="ArgumentException">It is null, disposed, sparse or not of a floating-point dtype.</exception>
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
    /// <param name="inputs">A batch: images [N,C,H,W], rows of a table [N,F], sequences.</param>
    /// <param name="name">The argument that the exception names; the caller's own text for it when null.</param>
    /// <exception cref="ArgumentException">It is not.</exception>
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
    /// <param name="labels">The labels.</param>
    /// <param name="images">The images, [N,...].</param>
    /// <param name="name">The argument that the exception names; the caller's own text for it when null.</param>
    /// <exception cref="ArgumentException">They are not.</exception>
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

    /// <summary>Requires labels within [0,classes), or only non-negative ones while the number of classes is unknown. Reads two numbers on
    /// the host.</summary>
    /// <param name="labels">int64 [N].</param>
    /// <param name="classes">The number of classes K; null when it is not known yet.</param>
    /// <param name="name">The argument that the exception names; the caller's own text for it when null.</param>
    /// <param name="known">Nothing is read for the labels of this batch; null when none was checked before.</param>
    /// <exception cref="ArgumentException">A label is outside; the message says from where to where they go.</exception>
    public static void LabelRange(
        Tensor labels, long? classes = null, [CallerArgumentExpression(nameof(labels))] string? name = null, CheckedBatch? known = null)
    {
        if (known is not null && known.HasLabels(labels, classes)) return;
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

    /// <summary>Requires values in [0,1] up to <see cref="BoxTolerance"/>; NaN and infinite values have a message of their own. Reads two
    /// numbers on the host.</summary>
    /// <param name="images">Floating point, any shape.</param>
    /// <param name="name">The argument that the exception names; the caller's own text for it when null.</param>
    /// <exception cref="ArgumentException">A value is outside, NaN or infinite.</exception>
    public static void Box(Tensor images, [CallerArgumentExpression(nameof(images))] string? name = null) =>
        Between(images, 0, 1, name);

    /// <summary>Requires values between two bounds, up to <see cref="BoxTolerance"/> of their difference; NaN and infinite values have a
    /// message of their own. Reads two numbers on the host.</summary>
    /// <param name="images">Floating point, any shape.</param>
    /// <param name="minimum">The lower bound.</param>
    /// <param name="maximum">The upper bound.</param>
    /// <param name="name">The argument that the exception names.</param>
    /// <exception cref="ArgumentException">A value is outside, NaN or infinite.</exception>
    public static void Between(Tensor images, double minimum, double maximum, string? name)
    {
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

    /// <summary>Requires that no value is NaN or infinite. Reads one number on the host.</summary>
    /// <param name="tensor">Floating point, any shape.</param>
    /// <param name="name">The argument that the exception names; the caller's own text for it when null.</param>
    /// <exception cref="ArgumentException">A value is.</exception>
    public static void Finite(Tensor tensor, [CallerArgumentExpression(nameof(tensor))] string? name = null)
    {
        using var finite = tensor.isfinite();
        using var all = finite.all();
        if (!HostRead.Bool(all)) throw new ArgumentException($"{name} contains NaN or infinite values.", name);
    }

    /// <summary>Requires two floating-point tensors of the same shape, dtype and device, with two dimensions at least.</summary>
    /// <param name="a">One tensor.</param>
    /// <param name="b">The other.</param>
    /// <param name="nameA">What the exception calls the first; the caller's own text for it when null.</param>
    /// <param name="nameB">What the exception calls the second, the one that it names as its argument; likewise.</param>
    /// <exception cref="ArgumentException">They differ, or one is not of a floating-point dtype.</exception>
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

    /// <summary>Requires two tensors on one device.</summary>
    /// <param name="tensor">The tensor to check.</param>
    /// <param name="other">The tensor whose device is expected.</param>
    /// <param name="name">The argument that the exception names; the caller's own text for it when null.</param>
    /// <exception cref="ArgumentException">They are on different devices.</exception>
    public static void SameDevice(Tensor tensor, Tensor other, [CallerArgumentExpression(nameof(tensor))] string? name = null)
    {
        if (!AreOnSameDevice(tensor, other))
        {
            throw new ArgumentException(
                $"{name} is on {tensor.device} but the images are on {other.device}; move it with .to(device).", name);
        }
    }

    /// <summary>Whether two tensors are on the same device, of several GPUs the same one.</summary>
    /// <param name="tensor">A tensor.</param>
    /// <param name="other">Another one.</param>
    /// <returns>true if no move between devices is needed to compute with both.</returns>
    public static bool AreOnSameDevice(Tensor tensor, Tensor other)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        ArgumentNullException.ThrowIfNull(other);
        return tensor.device_type == other.device_type && tensor.device_index == other.device_index;
    }

    /// <summary>The shape of a tensor as messages show it.</summary>
    /// <param name="tensor">Any tensor.</param>
    /// <returns>For example <c>[128,3,32,32]</c>.</returns>
    public static string Shape(Tensor tensor) => $"[{string.Join(",", tensor.shape)}]";

    /// <summary>Requires a tensor that is not null, not disposed and not sparse.</summary>
    /// <param name="tensor">The tensor.</param>
    /// <param name="name">The argument that the exception names; the caller's own text for it when null.</param>
    /// <exception cref="ArgumentNullException">It is null.</exception>
    /// <exception cref="ArgumentException">It is disposed or sparse.</exception>
    public static void Dense(Tensor tensor, [CallerArgumentExpression(nameof(tensor))] string? name = null)
    {
        ArgumentNullException.ThrowIfNull(tensor, name);
        if (tensor.IsInvalid) throw new ArgumentException($"{name} has been disposed.", name);
        if (tensor.is_sparse) throw new ArgumentException($"{name} is a sparse tensor; expected a dense one. Call to_dense() on it.", name);
    }
}
