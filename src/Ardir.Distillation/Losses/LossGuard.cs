using System.Runtime.CompilerServices;
using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>Checks of loss options and inputs; each message names what was given and what was expected.</summary>
internal static class LossGuard
{
    public static void Temperature(double value, [CallerArgumentExpression(nameof(value))] string? name = null)
    {
        if (!double.IsFinite(value) || value <= 0)
            throw new ArgumentOutOfRangeException(name, value, $"{name} must be a positive finite number.");
    }

    public static void Share(double value, [CallerArgumentExpression(nameof(value))] string? name = null)
    {
        if (!(value >= 0 && value <= 1)) throw new ArgumentOutOfRangeException(name, value, $"{name} must be in [0,1].");
    }

    public static void Weight(double value, [CallerArgumentExpression(nameof(value))] string? name = null)
    {
        if (!(double.IsFinite(value) && value >= 0))
            throw new ArgumentOutOfRangeException(name, value, $"{name} must be a finite number, not negative.");
    }

    public static void Epoch(int value, [CallerArgumentExpression(nameof(value))] string? name = null)
    {
        if (value < 0) throw new ArgumentOutOfRangeException(name, value, $"{name} must not be negative; the first epoch is 0.");
    }

    public static void Defined<T>(T value, [CallerArgumentExpression(nameof(value))] string? name = null)
        where T : struct, Enum
    {
        if (!Enum.IsDefined(value)) throw new ArgumentOutOfRangeException(name, value, $"Unknown {typeof(T).Name}.");
    }

    public static void Layers(IReadOnlyList<string> layers, [CallerArgumentExpression(nameof(layers))] string? name = null)
    {
        ArgumentNullException.ThrowIfNull(layers, name);
        if (layers.Count == 0 || layers.Any(string.IsNullOrWhiteSpace))
        {
            throw new ArgumentException(
                $"{name} must name at least one layer, such as \"layer*\"; FeatureTap.ListLayers(model) shows what there is.", name);
        }
    }

    /// <summary>Checks logits [N,K] and labels int64 [N].</summary>
    public static void Logits(Tensor logits, Tensor labels, [CallerArgumentExpression(nameof(logits))] string? name = null)
    {
        TensorGuard.Floating(logits, name);
        if (logits.dim() != 2 || logits.shape[0] == 0 || logits.shape[1] < 2)
        {
            throw new ArgumentException(
                $"{name} has shape {TensorGuard.Shape(logits)}; expected logits [N,K] of at least one sample and two classes.", name);
        }
        TensorGuard.Labels(labels, logits);
    }

    /// <summary>Checks that the logits [N,K] of several passes have one shape and that the labels fit them.</summary>
    public static void SameLogits(Tensor labels, params ReadOnlySpan<(string Name, Tensor Logits)> passes)
    {
        var (firstName, first) = passes[0];
        foreach (var (name, logits) in passes)
        {
            Logits(logits, labels, name);
            if (!logits.shape.AsSpan().SequenceEqual(first.shape))
            {
                throw new ArgumentException(
                    $"{name} has logits of shape {TensorGuard.Shape(logits)} and {firstName} of {TensorGuard.Shape(first)}; " +
                    "expected the same [N,K].",
                    name);
            }
        }
        TensorGuard.LabelRange(labels, first.shape[1]);
    }

    public static void SameShape(Tensor student, Tensor teacher, string what)
    {
        if (!student.shape.AsSpan().SequenceEqual(teacher.shape))
        {
            throw new ArgumentException(
                $"{what}: the student has shape {TensorGuard.Shape(student)} and the teacher {TensorGuard.Shape(teacher)}; " +
                "expected the same.",
                nameof(teacher));
        }
    }
}
