using System.Collections;

namespace Ardir.Core;

/// <summary>Feature maps by layer name and by position. Each has the shape of its layer's output, [N,C,H,W] for convolutions.</summary>
public sealed class FeatureMaps : IReadOnlyList<Tensor>, IDisposable
{
    private readonly Tensor[] _maps;

    /// <summary>Names some tensors as layers. Takes ownership of the tensors: they are disposed when this is, or here if the names are
    /// refused.</summary>
    /// <param name="maps">Name and map of each layer; names must differ.</param>
    /// <exception cref="ArgumentException">Two layers have the same name, or a layer has no map.</exception>
    public FeatureMaps(IEnumerable<(string Layer, Tensor Map)> maps)
    {
        ArgumentNullException.ThrowIfNull(maps);
        var all = maps.ToArray();
        Layers = [.. all.Select(entry => entry.Layer)];
        _maps = [.. all.Select(entry => entry.Map)];
        if (Refusal() is not { } refusal) return;
        foreach (var map in _maps) map?.Dispose();
        throw new ArgumentException(refusal, nameof(maps));
    }

    /// <summary>The names, in order.</summary>
    public IReadOnlyList<string> Layers { get; }

    /// <summary>How many layers.</summary>
    public int Count => _maps.Length;

    /// <summary>The map at a position.</summary>
    /// <param name="index">0 to <see cref="Count"/> - 1.</param>
    public Tensor this[int index] => _maps[index];

    /// <summary>The map of a layer.</summary>
    /// <param name="layer">Its name as in <see cref="Layers"/>.</param>
    /// <exception cref="KeyNotFoundException">There is no such layer.</exception>
    public Tensor this[string layer]
    {
        get
        {
            for (var i = 0; i < _maps.Length; i++)
                if (string.Equals(Layers[i], layer, StringComparison.Ordinal)) return _maps[i];
            var available = Count == 0 ? "none" : string.Join(", ", Layers);
            throw new KeyNotFoundException($"Layer '{layer}' was not tapped. There is {available}.");
        }
    }

    /// <summary>The position of each layer in the definition order of its model; null when no tap made the maps. The maps themselves are in
    /// the order of the tap's patterns.</summary>
    internal IReadOnlyList<int>? DefinitionOrder { get; init; }

    /// <summary>The maps that a tap with only these patterns would have given, so that one tap can serve several losses.</summary>
    /// <param name="patterns">Patterns as for <see cref="FeatureTap.Attach"/>; one that matches nothing adds nothing.</param>
    /// <returns>A view: the tensors still belong to this instance, so do not dispose it.</returns>
    public FeatureMaps Select(IReadOnlyList<string> patterns)
    {
        ArgumentNullException.ThrowIfNull(patterns);
        var inOrder = Enumerable.Range(0, Count).OrderBy(i => DefinitionOrder?[i] ?? i).ToList();
        var chosen = patterns.Select(text => new LayerPattern(text))
            .SelectMany(pattern => inOrder.Where(i => pattern.MatchesFeature(Layers[i]))).Distinct().ToList();
        return new FeatureMaps(chosen.Select(i => (Layers[i], _maps[i])));
    }

    internal static FeatureMaps Empty => new([]);

    /// <summary>The same layers with other maps.</summary>
    /// <param name="change">Called for each map.</param>
    /// <returns>Owns what <paramref name="change"/> returned; these maps stay as they are.</returns>
    public FeatureMaps Map(Func<Tensor, Tensor> change)
    {
        ArgumentNullException.ThrowIfNull(change);
        var changed = new List<Tensor>(Count);
        try
        {
            foreach (var map in _maps) changed.Add(change(map));
        }
        catch
        {
            foreach (var map in changed.Except<Tensor>(_maps, ReferenceEqualityComparer.Instance)) map.Dispose();
            throw;
        }
        return new FeatureMaps(Layers.Zip(changed)) { DefinitionOrder = DefinitionOrder };
    }

    /// <summary>The maps, in order.</summary>
    /// <returns>An enumerator.</returns>
    public IEnumerator<Tensor> GetEnumerator() => ((IEnumerable<Tensor>)_maps).GetEnumerator();

    /// <summary>Disposes every map.</summary>
    public void Dispose()
    {
        foreach (var map in _maps) map.Dispose();
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private string? Refusal() =>
        Array.IndexOf(_maps, null) is var empty and >= 0 ? $"Layer '{Layers[empty]}' has no map: it is null."
        : Layers.Distinct(StringComparer.Ordinal).Count() != Count ? $"Layer names must differ; got {string.Join(", ", Layers)}."
        : null;
}
