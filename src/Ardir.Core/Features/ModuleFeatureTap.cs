namespace Ardir.Core;

internal sealed class ModuleFeatureTap : IFeatureTap
{
    private readonly IModule _model;
    private readonly bool _frozen;
    private readonly List<Layer> _layers = [];
    private readonly TapSource _source;
    private readonly EvaluationModeScope? _modes;
    private bool _disposed;

    public ModuleFeatureTap(IModule model, string[] patterns, bool frozen)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(patterns);
        (_model, _frozen, _source) = (model, frozen, new TapSource(model));
        if (patterns.Length > 0) Resolve(LayerList.Of(model), patterns);
        if (frozen) _modes = new EvaluationModeScope(model);
    }

    public IReadOnlyList<string> Layers => [.. _layers.Select(layer => layer.Name)];

    public TappedOutput Forward(Tensor input)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentNullException.ThrowIfNull(input);
        using var capture = new Capture(_layers);
        Tensor output;
        if (_frozen)
        {
            (IModelWrapper.Unwrap(_model) as nn.Module)?.eval();
            using var noGrad = no_grad();
            output = Call(input);
            // Under no_grad only a tensor from before the pass can require a gradient: the input or a parameter that the model returned.
            // Call has made an alias of it, so the alias can be disposed here.
            if (output.requires_grad)
            {
                using var attached = output;
                output = attached.detach();
            }
        }
        else
        {
            output = Call(input);
        }
        try
        {
            return new TappedOutput(output, capture.Take()) { Source = _source };
        }
        catch
        {
            output.Dispose();
            throw;
        }
    }

    private Tensor Call(Tensor input)
    {
        var output = _model.call(input) ?? throw new InvalidOperationException("The model returned null; expected a tensor.");
        // A model may return its input or one of its parameters. The caller disposes the output, so it gets an alias of these.
        return ReferenceEquals(output, input) || output is TorchSharp.Modules.Parameter ? output.alias() : output;
    }

    // Forward removes the hooks that it registers, so only the mode of a frozen model is left to restore.
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        try
        {
            _modes?.Dispose();
        }
        catch (ObjectDisposedException)
        {
            // The model was disposed before the tap, so there is no mode to restore.
        }
    }

    private void Resolve(LayerList available, string[] patterns)
    {
        foreach (var text in patterns)
        {
            var pattern = new LayerPattern(text);
            var found = false;
            for (var i = 0; i < available.Count; i++)
            {
                if (!pattern.Matches(available[i])) continue;
                found = true;
                var name = available[i] + pattern.Suffix;
                if (_layers.TrueForAll(layer => !string.Equals(layer.Name, name, StringComparison.Ordinal)))
                    _layers.Add(new Layer(name, pattern.Element, i, LayerHook.For(available.ModuleAt(i))));
            }
            if (!found)
                throw new ArgumentException($"No layer matches '{text}'. {available}", nameof(patterns));
        }
    }

    private sealed record Layer(string Name, int Element, int Position, Func<Action<object?>, Action> Attach);

    /// <summary>Hooks and captured tensors of one forward pass. Disposing it removes the hooks and releases the tensors that were not
    /// taken, also after an exception.</summary>
    private sealed class Capture : IDisposable
    {
        private readonly List<Layer> _layers;
        private readonly Tensor?[] _maps;
        private readonly int[] _fired;
        private readonly List<Action> _removers = [];
        private readonly int _thread = Environment.CurrentManagedThreadId;

        public Capture(List<Layer> layers)
        {
            _layers = layers;
            _maps = new Tensor?[layers.Count];
            _fired = new int[layers.Count];
            try
            {
                for (var i = 0; i < layers.Count; i++)
                {
                    var index = i;
                    _removers.Add(layers[i].Attach(result => Receive(index, result)));
                }
            }
            catch
            {
                Dispose();
                throw;
            }
        }

        public FeatureMaps Take()
        {
            for (var i = 0; i < _layers.Count; i++)
            {
                var name = _layers[i].Name;
                if (_fired[i] == 0)
                {
                    throw new InvalidOperationException(
                        $"Layer '{name}' did not run in this forward pass. It is registered but unused, or called by forward() " +
                        "instead of call().");
                }
                if (_fired[i] > 1)
                {
                    throw new InvalidOperationException(
                        $"Layer '{name}' ran {_fired[i]} times in one forward pass (a shared module?), so its feature map is ambiguous. " +
                        "Tap the layers around it.");
                }
                if (_maps[i] is null)
                    throw new InvalidOperationException($"Layer '{name}' did not return a tensor at position {_layers[i].Element}.");
            }
            // The maps move into the caller's dispose scope, if there is one. TorchSharp gives access to that scope only as the outer
            // one of a new scope.
            using (var scope = NewDisposeScope())
            {
                foreach (var map in _maps)
                {
                    scope.Attach(map!);
                    map!.MoveToOuterDisposeScope();
                }
            }
            var features = new FeatureMaps(_layers.Select((layer, i) => (layer.Name, _maps[i]!)))
            {
                DefinitionOrder = [.. _layers.Select(layer => layer.Position)],
            };
            Array.Clear(_maps);
            return features;
        }

        public void Dispose()
        {
            foreach (var remove in _removers) remove();
            foreach (var map in _maps) map?.Dispose();
        }

        private void Receive(int index, object? result)
        {
            if (Environment.CurrentManagedThreadId != _thread) return;
            // A copy, because a following in-place layer would change both the values and the gradient of an alias. It is detached from any
            // dispose scope, because Sequential disposes its intermediate results.
            if (++_fired[index] == 1 && LayerHook.Pick(result, _layers[index].Element) is { } map)
                _maps[index] = map.clone().DetachFromDisposeScope();
        }
    }
}
