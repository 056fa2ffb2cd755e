using System.Runtime.CompilerServices;
using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>Checks of the options and the inputs of losses, for your own losses. Each message names what was given and what was
/// expected.</summary>
public static class LossGuard
{
    /// <summary>Checks a temperature: positive and finite.</summary>
    /// <param name="value">The value.</param>
    /// <param name="name">Filled in by the compiler.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is not.</exception>
    public static void Temperature(double value, [CallerArgumentExpression(nameof(value))] string? name = null)
    {
        if (!double.IsFinite(value) || value <= 0)
            throw new ArgumentOutOfRangeException(name, value, $"{name} must be a positive finite number.");
    }

    /// <summary>Checks a share: from 0 to 1, both included.</summary>
    /// <param name="value">The value.</param>
    /// <param name="name">Filled in by the compiler.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is not.</exception>
    public static void Share(double value, [CallerArgumentExpression(nameof(value))] string? name = null)
    {
        if (!(value >= 0 && value <= 1)) throw new ArgumentOutOfRangeException(name, value, $"{name} must be in [0,1].");
    }

    /// <summary>Checks a weight: finite and not negative.</summary>
    /// <param name="value">The value.</param>
    /// <param name="name">Filled in by the compiler.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is not.</exception>
    public static void Weight(double value, [CallerArgumentExpression(nameof(value))] string? name = null)
    {
        if (!(double.IsFinite(value) && value >= 0))
            throw new ArgumentOutOfRangeException(name, value, $"{name} must be a finite number, not negative.");
    }

    /// <summary>Checks the number of an epoch: not negative.</summary>
    /// <param name="value">The value.</param>
    /// <param name="name">Filled in by the compiler.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is negative.</exception>
    public static void Epoch(int value, [CallerArgumentExpression(nameof(value))] string? name = null)
    {
        if (value < 0) throw new ArgumentOutOfRangeException(name, value, $"{name} must not be negative; the first epoch is 0.");
    }

    /// <summary>Checks that a value of an enumeration has a name.</summary>
    /// <typeparam name="T">The enumeration.</typeparam>
    /// <param name="value">The value.</param>
    /// <param name="name">Filled in by the compiler.</param>
    /// <exception cref="ArgumentOutOfRangeException">It has none.</exception>
    public static void Defined<T>(T value, [CallerArgumentExpression(nameof(value))] string? name = null)
        where T : struct, Enum
    {
        if (!Enum.IsDefined(value)) throw new ArgumentOutOfRangeException(name, value, $"Unknown {typeof(T).Name}.");
    }

    /// <summary>Checks a list of layers: at least one, none of them blank.</summary>
    /// <param name="layers">Paths or patterns, as for <see cref="FeatureTap.Attach"/>.</param>
    /// <param name="name">Filled in by the compiler.</param>
    /// <exception cref="ArgumentException">There is none, or one is blank.</exception>
    public static void Layers(IReadOnlyList<string> layers, [CallerArgumentExpression(nameof(layers))] string? name = null)
    {
        ArgumentNullException.ThrowIfNull(layers, name);
        if (layers.Count == 0 || layers.Any(string.IsNullOrWhiteSpace))
        {
            throw new ArgumentException(
                $"{name} must name at least one layer, such as \"layer*\"; FeatureTap.ListLayers(model) shows what there is.", name);
        }
    }

    /// <summary>Checks logits and the shape of their labels, not the labels' range.</summary>
    /// <param name="logits">Floating point [N,K], at least one sample and two classes.</param>
    /// <param name="labels">int64 [N] on the same device.</param>
    /// <param name="name">Filled in by the compiler.</param>
    /// <exception cref="ArgumentException">They are something else.</exception>
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

    /// <summary>Checks that the logits of several passes have one shape and that the labels fit them, their range included, which reads two
    /// numbers on the host unless the labels are known (<see cref="DistillationInputs.Checked"/>).</summary>
    /// <param name="inputs">Their labels are int64 [N], from 0 to K-1.</param>
    /// <param name="passes">Name and logits [N,K] of each pass.</param>
    /// <exception cref="ArgumentException">There is no pass, or something does not fit; the message gives both shapes.</exception>
    public static void SameLogits(DistillationInputs inputs, params ReadOnlySpan<(string Name, Tensor Logits)> passes)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        var labels = inputs.Labels;
        if (passes.IsEmpty) throw new ArgumentException("Expected the logits of at least one pass.", nameof(passes));
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
        TensorGuard.LabelRange(labels, first.shape[1], known: inputs.Checked);
    }

    /// <summary>Checks that two tensors have one shape.</summary>
    /// <param name="student">The student's.</param>
    /// <param name="teacher">The teacher's.</param>
    /// <param name="what">What they are, for the message.</param>
    /// <exception cref="ArgumentException">Their shapes differ; the message gives both.</exception>
    public static void SameShape(Tensor student, Tensor teacher, string what)
    {
        ArgumentNullException.ThrowIfNull(student);
        ArgumentNullException.ThrowIfNull(teacher);
        if (!student.shape.AsSpan().SequenceEqual(teacher.shape))
        {
            throw new ArgumentException(
                $"{what}: the student has shape {TensorGuard.Shape(student)} and the teacher {TensorGuard.Shape(teacher)}; " +
                "expected the same.",
                nameof(teacher));
        }
    }
}
