namespace Ardir.Distillation;

/// <summary>Adds up weighted scalars and keeps each as a part. Used inside a dispose scope, out of which <see cref="Finish"/> moves the
/// result.</summary>
internal sealed class LossSum
{
    private readonly Dictionary<string, Tensor> _parts = new(StringComparer.Ordinal);
    private Tensor? _total;

    /// <summary>Adds a term to the total and, by the same name, its value before the weight to the parts.</summary>
    public void Add(string name, Tensor value, double weight = 1)
    {
        Watch(name, value);
        var term = weight == 1 ? value : value * weight;
        _total = _total is null ? term : _total + term;
    }

    /// <summary>Adds a part that does not count toward the total.</summary>
    public void Watch(string name, Tensor value) => _parts[name] = value.detach();

    public LossTerms Finish()
    {
        foreach (var part in _parts.Values) part.MoveToOuterDisposeScope();
        return new LossTerms(_total!.MoveToOuterDisposeScope(), _parts);
    }
}
