namespace Ardir.Core;

/// <summary>The result of one forward pass: the model's output and the feature maps of the tapped layers.</summary>
public sealed class TappedOutput : IDisposable
{
    /// <summary>Combines an output and features that were computed without a tap. Takes ownership of both.</summary>
    /// <param name="output">The model's output, for a classifier the logits [N,K].</param>
    /// <param name="features">The feature maps; none when null.</param>
    public TappedOutput(Tensor output, FeatureMaps? features = null)
    {
        ArgumentNullException.ThrowIfNull(output);
        Output = output;
        Features = features ?? FeatureMaps.Empty;
    }

    /// <summary>The model's output, for a classifier the logits [N,K].</summary>
    public Tensor Output { get; }

    /// <summary>The feature maps, in the order of the tap's layers.</summary>
    public FeatureMaps Features { get; }

    /// <summary>The model that the tap ran; null for outputs that were computed without a tap.</summary>
    internal TapSource? Source { get; init; }

    /// <summary>Refuses a student and a teacher that share modules or parameters: the teacher must stay as it is while the student
    /// learns. A loss calls this at every step; the modules of two taps are compared once.</summary>
    /// <param name="student">An output of the network that learns; nothing is checked where this is null or was made without a tap.</param>
    /// <param name="teacher">An output of the other network; likewise.</param>
    /// <param name="name">The argument that the exception names, <c>teacher</c> when null.</param>
    /// <exception cref="ArgumentException">They share some; the message names what they share.</exception>
    public static void EnsureSeparate(TappedOutput? student, TappedOutput? teacher, string? name = null)
    {
        if (student?.Source is { } first && teacher?.Source is { } second) first.EnsureSeparate(second, name ?? nameof(teacher));
    }

    /// <summary>The output, then the feature maps.</summary>
    internal IEnumerable<Tensor> Tensors => Features.Prepend(Output);

    /// <summary>The same output with other tensors, in another dtype for example. It is still that of the same model and layers, which an
    /// output made by the constructor is not.</summary>
    /// <param name="change">Called for the output, then for each map.</param>
    /// <returns>Owns what <paramref name="change"/> returned; this output stays as it is.</returns>
    public TappedOutput Map(Func<Tensor, Tensor> change)
    {
        ArgumentNullException.ThrowIfNull(change);
        return new TappedOutput(change(Output), Features.Map(change)) { Source = Source };
    }

    /// <summary>Disposes <see cref="Output"/> and <see cref="Features"/>.</summary>
    public void Dispose()
    {
        Output.Dispose();
        Features.Dispose();
    }
}
