namespace Ardir.Distillation;

/// <summary>AWP's move of a model's weights. After an optimiser step, <see cref="TakeBack"/> subtracts it from the updated
/// weights; without a step, disposing restores the original weights.</summary>
internal sealed class WeightMove : IDisposable
{
    private const double Tiny = 1e-20;

    private readonly List<(Tensor Weight, Tensor Before, Tensor Move)> _moves = [];
    private readonly Action? _changed;
    private bool _back;

    /// <summary>Moves the weights along the gradients they have.</summary>
    /// <param name="parameters">The weights by name.</param>
    /// <param name="gamma">L2 norm of the move relative to that of each weight.</param>
    /// <param name="changed">Called after the weights were moved or restored.</param>
    public WeightMove(IEnumerable<(string Name, Tensor Weight)> parameters, double gamma, Action? changed = null)
    {
        _changed = changed;
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        foreach (var (name, weight) in parameters)
        {
            if (weight.dim() < 2 || !name.Contains("weight", StringComparison.Ordinal) || weight.grad is not { } gradient) continue;
            var scale = GradientClip.Length(weight) / (GradientClip.Length(gradient) + Tiny) * gamma;
            var move = GradientClip.Wide(gradient).mul(scale).to(weight.dtype).DetachFromDisposeScope();
            _moves.Add((weight, weight.detach().clone().DetachFromDisposeScope(), move));
            weight.add_(move);
        }
        changed?.Invoke();
    }

    /// <summary>Subtracts the move from the weights, after the optimiser's step.</summary>
    public void TakeBack()
    {
        using var noGrad = no_grad();
        foreach (var (weight, _, move) in _moves) weight.sub_(move);
        _back = true;
    }

    public void Dispose()
    {
        using var noGrad = no_grad();
        foreach (var (weight, before, move) in _moves)
        {
            if (!_back) weight.copy_(before);
            before.Dispose();
            move.Dispose();
        }
        if (!_back) _changed?.Invoke();
        _moves.Clear();
        _back = true;
    }
}
