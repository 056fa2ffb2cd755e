using System.Collections;
using System.Text;

namespace Ardir.Core;

/// <summary>The layers of a model that can be tapped: paths in definition order, each parent before its children.</summary>
public sealed class LayerList : IReadOnlyList<string>
{
    private readonly List<(string Path, nn.Module Module)> _layers = [];
    private readonly string _model;

    private LayerList(nn.Module root)
    {
        _model = Kind(root);
        Collect("", root);
    }

    /// <summary>How many layers.</summary>
    public int Count => _layers.Count;

    /// <summary>The path at a position.</summary>
    /// <param name="index">0 to <see cref="Count"/> - 1.</param>
    public string this[int index] => _layers[index].Path;

    internal static LayerList Of(IModule model)
    {
        ArgumentNullException.ThrowIfNull(model);
        model = IModelWrapper.Unwrap(model);
        if (model is jit.ScriptModule || model is not nn.Module module)
        {
            throw new ArgumentException(
                $"{model.GetType().Name} does not show its layers (TorchScript hides them), so none can be tapped. Rebuild the network " +
                "as a Module and load its weights.", nameof(model));
        }
        return new LayerList(module);
    }

    /// <summary>The type of a module, for example <c>BatchNorm2d</c>. The module's own name is not used, because TorchSharp leaves it empty
    /// or wrong for some modules (its batch norms) and user code may set it to anything.</summary>
    internal static string Kind(nn.Module module)
    {
        var name = module.GetType().Name;
        var arity = name.IndexOf('`', StringComparison.Ordinal);
        return arity < 0 ? name : name[..arity];
    }

    internal nn.Module ModuleAt(int index) => _layers[index].Module;

    /// <summary>The paths.</summary>
    /// <returns>An enumerator.</returns>
    public IEnumerator<string> GetEnumerator() => _layers.Select(layer => layer.Path).GetEnumerator();

    /// <summary>One line per layer: its path and its type.</summary>
    /// <returns>Human-readable text.</returns>
    public override string ToString()
    {
        var text = new StringBuilder().Append(_model).Append(": ").Append(Count).Append(" layers can be tapped");
        var width = _layers.Count == 0 ? 0 : _layers.Max(layer => layer.Path.Length);
        foreach (var (path, module) in _layers)
            text.Append('\n').Append(path.PadRight(width)).Append("  ").Append(Kind(module));
        return text.ToString();
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private void Collect(string prefix, nn.Module module)
    {
        foreach (var (name, child) in module.named_children())
        {
            var path = prefix + name;
            if (LayerHook.CanAttach(child)) _layers.Add((path, child));
            Collect(path + ".", child);
        }
    }
}
