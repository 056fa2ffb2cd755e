using Ardir.Core;

namespace Ardir.Benchmarks;

/// <summary>A model that notes which passes are asked of it, and can make the same passes again with nothing around them. On points that it was
/// asked about, because the kernels of a CPU are up to a quarter slower on noisy images than on clean ones, which are mostly black; and in the order in which they
/// were asked for, because a batch of another size than the one before costs more than one of the same size.</summary>
internal sealed class PassRecorder(nn.Module<Tensor, Tensor> model, Tensor labels) : IModule, IDisposable
{
    private readonly Dictionary<long, (Tensor Points, Tensor Classes)> _batches = [];
    private readonly List<(long Batch, bool Backward)> _passes = [];

    /// <summary>Images passed forward, and backward where a gradient was asked for.</summary>
    public long Evaluations => _passes.Sum(pass => pass.Backward ? 2 * pass.Batch : pass.Batch);

    public Tensor call(Tensor input1)
    {
        var batch = input1.shape[0];
        _passes.Add((batch, input1.requires_grad));
        using (NewDisposeScope())
        {
            var classes = labels.repeat((batch + labels.shape[0] - 1) / labels.shape[0]).narrow(0, 0, batch).contiguous();
            Release(batch);
            _batches[batch] = (input1.detach().clone().DetachFromDisposeScope(), classes.DetachFromDisposeScope());
        }
        return model.call(input1);
    }

    /// <summary>The floor: every forward pass, and the gradient of a cross-entropy to the input where one was asked for.</summary>
    public void Replay()
    {
        foreach (var (batch, backward) in _passes)
        {
            using var scope = NewDisposeScope();
            var (points, classes) = _batches[batch];
            if (!backward)
            {
                using var noGrad = no_grad();
                model.call(points);
            }
            else
            {
                var x = points.detach().requires_grad_();
                nn.functional.cross_entropy(model.call(x), classes, reduction: nn.Reduction.Sum).backward(inputs: [x]);
            }
        }
    }

    public void Dispose()
    {
        foreach (var batch in _batches.Keys.ToList()) Release(batch);
    }

    private void Release(long batch)
    {
        if (!_batches.Remove(batch, out var before)) return;
        before.Points.Dispose();
        before.Classes.Dispose();
    }
}
