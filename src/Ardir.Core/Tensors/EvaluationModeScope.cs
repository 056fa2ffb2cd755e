namespace Ardir.Core;

/// <summary>Puts a model into eval mode until it is disposed, then restores the mode of every single module, so that a frozen batch norm
/// inside a training model stays frozen.</summary>
/// <example><code>
/// using var modes = new EvaluationModeScope(model);
/// using Tensor logits = model.call(images);
/// </code></example>
public sealed class EvaluationModeScope : IDisposable
{
    private readonly List<nn.Module> _modules = [];
    private readonly List<bool> _training = [];

    /// <summary>Puts the model into eval mode.</summary>
    /// <param name="model">Any model; nothing is done where it is no <see cref="nn.Module"/>, which alone has a mode.</param>
    public EvaluationModeScope(IModule model)
    {
        if (IModelWrapper.Unwrap(model) is not nn.Module root) return;
        Collect(root);
        if (!_training.Contains(true))
        {
            _modules.Clear();
            return;
        }
        root.eval();
    }

    /// <summary>Restores the mode of every module.</summary>
    public void Dispose()
    {
        if (_modules.Count == 0) return;
        // train() also sets the mode of all children, so parents come first. If all modules were training, one call on the root suffices.
        var modules = _training.TrueForAll(training => training) ? 1 : _modules.Count;
        for (var i = 0; i < modules; i++) _modules[i].train(_training[i]);
    }

    private void Collect(nn.Module module)
    {
        _modules.Add(module);
        _training.Add(module.training);
        foreach (var child in module.children()) Collect(child);
    }
}
