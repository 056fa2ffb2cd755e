namespace Ardir.Distillation;

/// <summary>Adds weighted scalars up and keeps each as a part. To be used inside a dispose scope, out of which <see cref="Finish"/> moves the result.</summary>
internal sealed class LossSum
{
    private readonly Dictionary<string, Tensor> _parts = new(StringComparer.Ordinal);
    private Tensor? _total;

    /// <summary>A term and, by the same name, its value before the weight.</summary>
    public void Add(string name, Tensor value, double weight = 1)
    {
        Watch(name, value);
        var term = weight == 1 ? value : value * weight;
        _total = _total is null ? term : _total + term;
    }

    /// <summary>A part that is no term.</summary>
    public void Watch(string name, Tensor value) => _parts[name] = value.detach();

    public LossTerms Finish()
    {
        foreach (var part in _parts.Values) part.MoveToOuterDisposeScope();
        return new LossTerms(_total!.MoveToOuterDisposeScope(), _parts);
    }
}
