namespace Ardir.Distillation;

/// <summary>Adds up the weighted terms of a loss and keeps each of them as a part for logs. Use it inside a dispose scope, which
/// <see cref="Build"/> moves the result out of.</summary>
/// <example><code>
/// using var scope = NewDisposeScope();
/// var terms = new LossTermsBuilder();
/// terms.Add(LossTerms.CrossEntropy, HardLabels.CrossEntropy(clean, inputs.Labels, inputs.LabelSmoothing));
/// terms.Add(LossTerms.SelfKl, KlDivergence.PerSample(clean, adversarial).mean(), weight: 6);
/// return terms.Build();
/// </code></example>
public sealed class LossTermsBuilder
{
    private readonly Dictionary<string, Tensor> _parts = new(StringComparer.Ordinal);
    private Tensor? _total;

    /// <summary>Adds a term to the total and, by the same name, its value before the weight to the parts.</summary>
    /// <param name="name">Name of the part, for example <see cref="LossTerms.Kl"/>. A second term of that name replaces the part, not the
    /// term.</param>
    /// <param name="value">Scalar with its graph.</param>
    /// <param name="weight">Multiplies the term; 1 by default, which costs no operation.</param>
    /// <exception cref="ArgumentNullException">Name or value is null.</exception>
    public void Add(string name, Tensor value, double weight = 1)
    {
        AddPart(name, value);
        var term = weight == 1 ? value : value * weight;
        _total = _total is null ? term : _total + term;
    }

    /// <summary>Adds a part that does not count toward the total.</summary>
    /// <param name="name">Name of the part.</param>
    /// <param name="value">Scalar; its graph is not kept.</param>
    /// <exception cref="ArgumentNullException">Name or value is null.</exception>
    public void AddPart(string name, Tensor value)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(value);
        _parts[name] = value.detach();
    }

    /// <summary>The sum of the terms with all parts.</summary>
    /// <returns>Total and parts, moved to the outer dispose scope if there is one, otherwise owned by the caller.</returns>
    /// <exception cref="InvalidOperationException">There is no term.</exception>
    public LossTerms Build()
    {
        if (_total is not { } total) throw new InvalidOperationException("The loss has no term: call Add before Build.");
        foreach (var part in _parts.Values) part.MoveToOuterDisposeScope();
        return new LossTerms(total.MoveToOuterDisposeScope(), _parts);
    }
}
